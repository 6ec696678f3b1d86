"""What a noting engine hears from the worker's own log, since an engine is not told of claims."""

import logging
from collections.abc import Mapping

from qwenq.schemas.log.events import Event
from qwenq.schemas.requests import Request
from tests.chaos.engines.log import Deed, EngineLog

Names = tuple[int, int, int, int]
"""Of one document's generation: its job, chunk, attempt and seq."""
_OF_PROCESS: Mapping[str, Deed] = {Event.STORE_AWAY: Deed.AWAY, Event.REUSE_SKIPPED: Deed.SKIPPED}


class Hearing(logging.Handler):
    """Hears which claim a chunk is of, and that the store was away, and notes both."""

    def __init__(self, log: EngineLog) -> None:
        super().__init__()
        self._log = log
        self._by_chunk: dict[int, tuple[int, int]] = {}

    def listen(self) -> None:
        """Hear from now on."""
        for name in ("qwenq.store", "qwenq.worker"):
            logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line, if it tells of any of that."""
        if record.msg == Event.CHUNK_CLAIMED:
            told = vars(record)
            chunk, job, attempt = told["chunk"], told["job"], told["attempt"]
            self._by_chunk[chunk] = job, attempt
            self._log.note(Deed.CLAIMED, job, chunk, attempt)
        elif (deed := _OF_PROCESS.get(record.msg)) is not None:
            self._log.note(deed)

    def names_of(self, request: Request) -> Names:
        """The names of a request that is read now."""
        return self.names(request.group, request.key)

    def names(self, chunk: int, seq: int) -> Names:
        """The names of a document of a chunk that was claimed here."""
        job, attempt = self._by_chunk[chunk]
        return job, chunk, attempt, seq

    def knows(self, chunk: int) -> bool:
        """Whether the chunk was claimed here: a worker's check of itself is of none."""
        return chunk in self._by_chunk
