"""What status, pages, reports and health show."""
