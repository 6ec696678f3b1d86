"""Files that are one document each: their kinds, and how their text is extracted."""
