"""Embedded services: a real Redis, an SQLite file and a worker, all in one home folder."""
