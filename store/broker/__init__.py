"""The broker: messages that announce waiting chunks, and the reconciling of both with the store."""
