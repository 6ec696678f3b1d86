"""The HTTP service: OpenAI's Files and Batches over the same store as the command line."""
