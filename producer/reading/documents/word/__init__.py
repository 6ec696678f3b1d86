"""Word documents (.docx): text as Word prints it, with numbers of lists and choices in forms."""
