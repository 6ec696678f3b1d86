"""Left-padded batches, for every model that Transformers can generate with."""
