"""Values counted by size."""
