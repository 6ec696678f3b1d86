"""Alembic migrations: they upgrade a store of an older version."""
