"""Changes and reads the batches of the HTTP service."""
