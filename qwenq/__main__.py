"""`python -m qwenq`, and the command `qwenq`, run the command line."""

from qwenq.schemas.machine.import_path import leave_working_folder_out


def main() -> None:
    """Run the command line; from here on, nothing is imported from the working folder."""
    leave_working_folder_out()
    from qwenq.cli import main as run

    run()


if __name__ == "__main__":
    main()
