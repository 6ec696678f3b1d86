"""`python -m qwenq` is `qwenq`."""

from qwenq.cli import main

if __name__ == "__main__":
    main()
