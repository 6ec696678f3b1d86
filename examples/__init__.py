"""Examples: sample documents, and the tiny model that answers them."""
