"""Making a model resident: its source, device, weights, tokenizer."""
