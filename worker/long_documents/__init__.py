"""Long documents: those that do not fit into the model's context are cut, answered in parts, and merged."""
