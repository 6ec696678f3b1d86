"""What answers leave in the store: results, parts, batches."""
