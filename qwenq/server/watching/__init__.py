"""What the service tells about its requests: lines in the log, series for Prometheus."""
