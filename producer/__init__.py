"""Work in: files become documents, documents become chunks, chunks become messages."""
