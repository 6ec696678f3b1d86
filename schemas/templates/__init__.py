"""Prompt templates by name: built in, or saved in versions; and the values that they are given."""
