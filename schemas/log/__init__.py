"""The log: its events, and the format of its lines."""
