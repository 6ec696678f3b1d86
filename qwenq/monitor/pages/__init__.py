"""Pages of jobs, documents and the fleet."""
