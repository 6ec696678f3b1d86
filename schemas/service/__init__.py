"""Nouns of the HTTP service."""
