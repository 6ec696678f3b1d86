"""The nouns of qwenq: what flows between the rooms, and the tables that keep it."""
