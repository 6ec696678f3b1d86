"""`python -m qwenq` runs the command line."""

from qwenq.cli import main

if __name__ == "__main__":
    main()
