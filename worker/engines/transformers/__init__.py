"""The engine over Transformers. README.md says which way a document goes."""
