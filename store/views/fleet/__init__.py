"""Workers: who lives, what they hold, how fast they are."""
