"""Keeps the files of tenants: their bytes in a storage, what they are in the store."""
