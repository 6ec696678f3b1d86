"""Web pages: the text that a reader sees in a browser."""
