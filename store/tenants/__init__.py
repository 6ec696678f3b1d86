"""Writes and reads tenants, their keys, and the audit."""
