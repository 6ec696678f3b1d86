"""A second process that does the turn's work on the store."""
