"""Pages and files of a job's documents: those found, one in full, downloads."""
