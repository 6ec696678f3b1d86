"""Packed rows without padding, for models whose attention can be replaced."""
