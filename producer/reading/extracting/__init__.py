"""Extracting: the bytes of one file become the text of one document, a kind of file each room."""
