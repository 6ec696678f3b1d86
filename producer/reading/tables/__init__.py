"""Files of rows with columns: CSV, spreadsheets, Parquet."""
