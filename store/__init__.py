"""What machines share: the SQL store and the broker. Every query of the project is in this room."""
