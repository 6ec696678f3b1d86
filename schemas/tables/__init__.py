"""The SQL tables. `migrations/` builds them; a test compares the two."""
