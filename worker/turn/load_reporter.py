"""Writes into the store how far the download and loading of a worker's model are, so that people see it."""

from contextlib import suppress

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.workers import LoadProgress, LoadStage
from qwenq.store.database.store import Store
from qwenq.store.life import workers

WRITE_SECONDS = 1.0


class LoadReporter:
    """Keeps the newest progress, and writes it if it is new. A store that is away is no error."""

    def __init__(self, store: Store, worker_id: int) -> None:
        self._store = store
        self._worker_id = worker_id
        self._newest = LoadProgress(LoadStage.LOADING, 0)
        self._written: LoadProgress | None = None

    def note(self, progress: LoadProgress) -> None:
        """Note how far it is. Any thread may call this."""
        self._newest = progress

    def write(self) -> float:
        """Write the newest progress. Returns the seconds until the next time."""
        newest = self._newest
        if newest != self._written:
            with suppress(StoreAway), self._store.writing() as connection:
                workers.note_loading(connection, self._worker_id, newest)
                self._written = newest
        return WRITE_SECONDS
