"""What waits: for a claim, an announcement, a rescue, a removal."""
