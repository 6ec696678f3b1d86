"""The way in: files become documents, documents become chunks, chunks are announced to workers."""
