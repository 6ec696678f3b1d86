"""The connection to the SQL store: transactions, errors, clock, version."""
