"""Looking at what may be away: for so long and no longer, whatever it does."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Look(Generic[T]):
    """One look, begun at once in a thread of its own. A thread that hangs is left behind: it ends with the process."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._seen: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="look", daemon=True)
        self._thread.start()

    def result(self, seconds: float) -> T:
        """What was seen. Raises TimeoutError when it took longer than so many seconds from now, or its own error."""
        self._thread.join(max(0.0, seconds))
        if self._error is not None:
            raise self._error
        if not self._seen:
            raise TimeoutError
        return self._seen[0]

    def _run(self) -> None:
        try:
            self._seen.append(self._look())
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            self._error = error
