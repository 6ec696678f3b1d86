"""qwenq's series for Prometheus."""
