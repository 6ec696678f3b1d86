"""The engine over Transformers."""
