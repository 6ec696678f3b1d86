"""Reuse: documents that were answered before get their answers from the store."""
