"""Changes of jobs, chunks, documents, claims and workers."""
