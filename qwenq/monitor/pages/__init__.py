"""Pages of jobs, documents and the fleet, and the posts of their buttons."""
