"""Flower with qwenq's own pages: jobs, documents and the fleet, read from the SQL store."""
