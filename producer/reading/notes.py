"""What a person should know about an input that is read: said in a line, once."""

from collections.abc import Callable

MOST_FILES = 5
"""So many files are named with the same note; a folder may hold thousands."""


class Notes:
    """Says what was found out about inputs, through a function that takes a line (default: nowhere)."""

    def __init__(self, tell: Callable[[str], object] | None = None) -> None:
        self._tell = tell
        self._files: dict[str, set[str]] = {}

    def add(self, source: str, note: str) -> None:
        """Say a note about an input. A note that many inputs have is said of the first few."""
        files = self._files.setdefault(note, set())
        if self._tell is None or source in files or len(files) > MOST_FILES:
            return
        files.add(source)
        self._tell(f"{source}: {note}" if len(files) <= MOST_FILES else f"more files: {note}")
