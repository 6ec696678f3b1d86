"""Parquet files: which columns are read, how many rows at a time, and what their values become."""
