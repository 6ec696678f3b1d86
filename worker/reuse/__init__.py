"""Answers without generating: what was answered before is answered from the store."""
