"""Loads a model: its source, device, weights, tokenizer."""
