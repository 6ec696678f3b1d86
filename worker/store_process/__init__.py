"""The store process: a child of the working process that does a turn's work on the store."""
