"""Health: checks over facts of the store, the broker and this machine. Each says what to do about what it finds."""
