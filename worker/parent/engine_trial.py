"""Tries the engine's libraries before the first job comes: a broken installation shows within seconds of the start."""

import threading
import time
from collections.abc import Callable

from qwenq.schemas.errors import EngineBroken, InvalidSetting
from qwenq.schemas.settings import Settings
from qwenq.worker.parent.starts import Starts

TryEngine = Callable[[Settings], object]
"""Loads the engine's libraries in a child process. Raises EngineBroken, InvalidSetting."""

WAIT_SECONDS = 2.0
"""A job that waits comes sooner. Then the working process loads the libraries itself, and says what is wrong."""


class EngineTrial:
    """One trial, in a process of its own, unless a working process begins to load. For the housekeeping thread.

    It calls `on_ended` when its result is there.
    """

    def __init__(
        self, settings: Settings, starts: Starts, try_engine: TryEngine, on_ended: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._try_engine = try_engine
        self._starts = starts
        self._on_ended = on_ended
        self._due: float | None = None
        self._begun = False
        self._reason: str | None = None

    def why_hopeless(self) -> str | None:
        """Why no working process could load the model; None if none is known. Begins the trial when it is due."""
        if self._starts.begun:
            return None
        if self._due is None:
            self._due = time.monotonic() + WAIT_SECONDS
        elif not self._begun and time.monotonic() >= self._due:
            self._begun = True
            threading.Thread(target=self._try, name="engine-trial", daemon=True).start()
        return self._reason

    def _try(self) -> None:
        try:
            self._try_engine(self._settings)
        except EngineBroken as broken:
            self._reason = broken.reason
        except InvalidSetting as invalid:
            self._reason = f"{invalid.name}: {invalid.reason}"
        self._on_ended()
