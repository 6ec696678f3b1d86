"""What a log says, and how its lines look."""
