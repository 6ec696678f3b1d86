"""What is known about one job, or many."""
