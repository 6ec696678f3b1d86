"""The connection to the SQL store: transactions, errors, the clock, the version."""
