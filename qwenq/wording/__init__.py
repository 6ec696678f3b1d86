"""How numbers, moments and answers are worded."""
