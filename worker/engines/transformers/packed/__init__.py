"""Packing: no padding, shared prefixes. For models whose attention can be replaced."""
