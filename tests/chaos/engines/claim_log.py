"""Claims as the worker's own log tells them: an engine does not know of claims."""

import logging
from collections.abc import Mapping

from qwenq.schemas.log.events import Event
from qwenq.schemas.requests import Request
from tests.chaos.engines.log import Deed, EngineLog

Names = tuple[int, int, int, int]
"""Names one document's generation: its job, chunk, attempt and seq."""
_OF_PROCESS: Mapping[str, Deed] = {Event.STORE_AWAY: Deed.AWAY, Event.REUSE_SKIPPED: Deed.SKIPPED}


class Hearing(logging.Handler):
    """A log handler that notes claims, and absences of the store."""

    def __init__(self, log: EngineLog) -> None:
        super().__init__()
        self._log = log
        self._by_chunk: dict[int, tuple[int, int]] = {}

    def listen(self) -> None:
        """Start listening to the log."""
        for name in ("qwenq.store", "qwenq.worker"):
            logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Note a line about a claim or an absent store."""
        if record.msg == Event.CHUNK_CLAIMED:
            told = vars(record)
            chunk, job, attempt = told["chunk"], told["job"], told["attempt"]
            self._by_chunk[chunk] = job, attempt
            self._log.note(Deed.CLAIMED, job, chunk, attempt)
        elif (deed := _OF_PROCESS.get(record.msg)) is not None:
            self._log.note(deed)

    def names_of(self, request: Request) -> Names:
        """Names of a request that is read now."""
        return self.names(request.group, request.key)

    def names(self, chunk: int, seq: int) -> Names:
        """The names of a document of a chunk that was claimed here."""
        job, attempt = self._by_chunk[chunk]
        return job, chunk, attempt, seq

    def knows(self, chunk: int) -> bool:
        """Whether the chunk was claimed here. The self-check has no chunk."""
        return chunk in self._by_chunk
