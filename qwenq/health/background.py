"""Calls to services that may be away, each with a time limit."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundCall(Generic[T]):
    """A call that starts at once in its own thread. A thread that hangs is abandoned: it ends with the process."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="background-call", daemon=True)
        self._thread.start()

    def result(self, seconds: float) -> T:
        """The call's result. Raises its error, or TimeoutError when it is not there within these seconds from now."""
        self._thread.join(max(0.0, seconds))
        if self._error is not None:
            raise self._error
        if not self._results:
            raise TimeoutError
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except Exception as error:  # noqa: BLE001 - result() raises it
            self._error = error
