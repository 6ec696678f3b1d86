"""Work done: a folder for each process and part of a worker, from claimed chunks to stored answers."""
