"""Turns messages into token ids that fit the context."""
