"""Work done: Celery tasks claim chunks, an engine answers their documents, the store keeps the answers."""
