"""Engines turn requests into completions. The rest of the worker knows only the protocol, the factory and the kinds."""
