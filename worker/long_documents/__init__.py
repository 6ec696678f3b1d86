"""Long documents: what does not fit into the model's context is cut, answered in parts, and merged."""
