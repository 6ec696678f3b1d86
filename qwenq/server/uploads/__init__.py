"""Uploads in parts, which become a file when they are completed."""
