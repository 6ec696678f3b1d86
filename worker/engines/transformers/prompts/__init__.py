"""From messages to token ids that fit the context."""
