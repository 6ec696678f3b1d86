"""Changes of schedules, runs and notices."""
