"""Where sampling parameters come from that nobody gives."""
