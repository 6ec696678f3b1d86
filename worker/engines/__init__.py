"""Engines: each turns requests into completions, and the worker knows no more than that."""
