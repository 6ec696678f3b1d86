"""What is only read: status, pages, reports, metrics, health."""
