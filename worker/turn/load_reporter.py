"""Writes into the store how far the download and loading of a worker's model are, so that people see it."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.workers import LoadProgress, LoadStage
from qwenq.store.database.store import Store
from qwenq.store.life import workers

WRITE_SECONDS = 1.0


class LoadReporter:
    """Writes the newest progress at once, and every second while the `with` block lasts.

    A store that is away is no error.
    """

    def __init__(self, store: Store, worker_id: int) -> None:
        self._store = store
        self._worker_id = worker_id
        self._newest = LoadProgress(LoadStage.LOADING, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load reporter", daemon=True)

    def note(self, progress: LoadProgress) -> None:
        """Note how far it is. Any thread may call this."""
        self._newest = progress

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        written, seconds = None, 0.0
        while not self._over.wait(seconds):
            seconds, newest = WRITE_SECONDS, self._newest
            if newest == written:
                continue
            with suppress(StoreAway), self._store.writing() as connection:
                workers.note_loading(connection, self._worker_id, newest)
                written = newest
