"""What changes jobs, chunks, documents, claims and workers."""
