"""Single requests: asked as urgent jobs of one document, and awaited."""
