"""The embedded default: a real Redis, a SQLite file and a worker, all of one home folder."""
