"""Prompts: turn a row into the messages that the model sees. Templates are rendered in a sandbox."""
