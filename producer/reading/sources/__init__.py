"""From the names of inputs to opened files, here or behind a URL."""
