"""Checks of the store, the broker, workers and this machine. Each says what to do about what it finds."""
