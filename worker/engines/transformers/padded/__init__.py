"""Left-padded batches, for every model that Transformers generates with."""
