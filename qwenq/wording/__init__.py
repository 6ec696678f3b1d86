"""How things are worded: numbers, spans of time, moments, jobs, missing workers."""
