"""The reader process: foreign files are opened here, and understood in a child that has limits and no secrets.

Only lines of text (JSONL, CSV, UTF-8) are read in this process. All other formats are left to libraries, many of them
in C, for which a few bytes may mean any time and memory, or a crash.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from qwenq.producer.reading.documents.extracted import Extracted
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.parquet.wanted import WantedColumns
from qwenq.producer.reading.serving import documents_request, table_request
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.pieces import PIECE_ROWS
from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import (
    ConfinedCallFailed,
    ConfinedProcessKilled,
    ConfinedProcessLate,
    ConfinedProcessNotStarted,
    DocumentFailed,
    InvalidRow,
    UnreadableDocument,
    reason_of,
)
from qwenq.schemas.settings import ENV_PREFIX, load_settings

_SERVED = "qwenq.producer.reading.serving"
_PIECE_BYTES = 64 * 1024 * 1024
_NO_LIMIT = 1 << 62
_WHOLE_TIME = 1e9
"""Each document may take all seconds, however long those before it took."""
_ROWS_FOR_ALL_SECONDS = 10_000
"""A table gets its seconds again after so many rows."""


class ReaderProcess:
    """Reads files in a child process, which starts when the first file needs it. Close it at the end.

    A second child starts when a file is checked while the rows of another one are still being read.
    """

    def __init__(self) -> None:
        self._limits: Limits | None = None
        self._all: list[ConfinedProcess] = []
        self._free: list[ConfinedProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the children."""
        for process in self._all:
            process.close()

    def begin_documents(
        self, documents: Sequence[tuple[Format, bytes]], *, allow_partial: bool = False
    ) -> "Extractions":
        """Begin to extract the texts of files that are one document each. `allow_partial`: what can be read of them."""
        return Extractions(self, documents, allow_partial=allow_partial)

    def table(
        self, kind: Format, file: BinaryIO, sheet: str | None, wanted: WantedColumns, *, first_only: bool
    ) -> Iterator[dict[str, Any]]:
        """Stream the pieces of a table, as `tables.pieces` describes them; at most one row if `first_only`.

        Raises UnreadableDocument when the file is refused or takes too much, BrokenOff when reading it fails.
        """
        process = self.taken()
        is_first, begun = process.is_fresh, False
        try:
            while True:
                try:
                    request = table_request(kind, sheet, wanted, first_only=first_only)
                    pieces = process.begin(request, _Guarded(file))
                    for piece in pieces:
                        begun = True
                        answer = orjson.loads(piece)
                        if (reason := answer.get("refused")) is not None:
                            _end_answer(pieces)
                            raise UnreadableDocument(reason=reason)
                        yield answer
                except (ConfinedProcessNotStarted, ConfinedProcessLate):
                    raise
                except ConfinedProcessKilled:
                    if is_first or begun:
                        raise
                    # The files before this one may have used up the child's memory.
                    is_first = True
                else:
                    return
        except ConfinedProcessNotStarted:
            raise
        except (ConfinedProcessKilled, ConfinedCallFailed) as error:
            raise _as_unreadable(error) from None
        finally:
            self.give_back(process)

    def give_back(self, process: ConfinedProcess) -> None:
        """Let other files have a process."""
        self._free.append(process)

    def taken(self) -> ConfinedProcess:
        """Take a process that is free, or a new one."""
        if self._free:
            return self._free.pop()
        if self._limits is None:
            settings = load_settings()
            self._limits = Limits(
                seconds=settings.read_seconds,
                memory_bytes=settings.read_memory_bytes,
                answer_bytes=_NO_LIMIT,
                # A sheet may have a million rows. Rows that come slower than these are too slow.
                seconds_a_piece=settings.read_seconds * PIECE_ROWS / _ROWS_FOR_ALL_SECONDS,
                piece_bytes=_PIECE_BYTES,
            )
        process = ConfinedProcess(_SERVED, self._limits)
        self._all.append(process)
        return process


class Extractions:
    """The texts of documents that a child extracts meanwhile. Take all of them before the next ones begin."""

    def __init__(
        self, owner: ReaderProcess, documents: Sequence[tuple[Format, bytes]], *, allow_partial: bool
    ) -> None:
        self._owner = owner
        self._allow_partial = allow_partial
        self._documents = documents
        self._process = owner.taken()
        self._answer = self._asked(0)

    def results(self) -> Iterator[Extracted | DocumentFailed]:
        """Yield the text of each document as it comes, or why there is none. Raises ConfinedProcessNotStarted.

        When the child is killed, only the document that it was reading fails: a new child reads the rest.
        """
        place = 0
        try:
            while place < len(self._documents):
                began = place
                try:
                    for piece in self._answer:
                        if place == len(self._documents):
                            raise _senseless()
                        result = _result(piece)
                        place += 1
                        yield result
                    if place < len(self._documents):
                        raise _senseless()
                except ConfinedProcessNotStarted:
                    raise
                except (ConfinedProcessKilled, ConfinedCallFailed) as error:
                    if place < len(self._documents):
                        yield self._again(place, error, is_first=self._is_fresh and place == began)
                        place += 1
                        self._answer = self._asked(place)
        finally:
            self._owner.give_back(self._process)

    def _asked(self, place: int) -> Iterator[bytes]:
        """Send the documents from a place on."""
        self._is_fresh = self._process.is_fresh
        rest = self._documents[place:]
        if not rest:
            return iter(())
        return self._process.begin(self._request(rest), seconds_a_piece=_WHOLE_TIME)

    def _request(self, documents: Sequence[tuple[Format, bytes]]) -> bytes:
        return documents_request(documents, allow_partial=self._allow_partial)

    def _again(
        self, place: int, error: ConfinedProcessKilled | ConfinedCallFailed, *, is_first: bool
    ) -> Extracted | DocumentFailed:
        """Read the document that a child was reading when it was killed, alone, if the ones before may be at fault.

        They may have used up the child's memory.
        """
        if isinstance(error, ConfinedCallFailed | ConfinedProcessLate) or is_first:
            return _as_unreadable(error)
        try:
            return _result(self._process.call(self._request(self._documents[place : place + 1])))
        except ConfinedProcessNotStarted:
            raise
        except (ConfinedProcessKilled, ConfinedCallFailed) as again:
            return _as_unreadable(again)


def _result(piece: bytes) -> Extracted | DocumentFailed:
    """What a piece says. Raises ConfinedProcessKilled for one that makes no sense."""
    try:
        answer = orjson.loads(piece)
        if (reason := answer.get("refused")) is not None:
            return (InvalidRow if answer["code"] == InvalidRow.code else UnreadableDocument)(reason=reason)
        return Extracted(answer["text"], answer["pages"], answer["note"])
    except (orjson.JSONDecodeError, AttributeError, KeyError):
        raise _senseless() from None


def _end_answer(pieces: Iterator[bytes]) -> None:
    """Take the end of an answer after its last piece: a child whose answer has a rest is killed, and started again."""
    with suppress(ConfinedProcessKilled, ConfinedCallFailed):
        next(pieces, None)


def _senseless() -> ConfinedProcessKilled:
    return ConfinedProcessKilled(reason="gave an answer that makes no sense")


class _Guarded:
    """A file whose errors are one kind: every object store has its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(place, whence)
        except Exception as error:  # noqa: BLE001
            raise BrokenOff(reason_of(error)) from None

    def read(self, length: int) -> bytes:
        try:
            return self._file.read(length)
        except Exception as error:  # noqa: BLE001
            raise BrokenOff(reason_of(error)) from None


def _as_unreadable(error: ConfinedProcessKilled | ConfinedCallFailed) -> UnreadableDocument:
    """The reason of a bad row: what happened, and what to do."""
    if isinstance(error, ConfinedCallFailed):
        return UnreadableDocument(reason=f"it is damaged ({error.reason}); put a sound copy in its place")
    limit = "READ_SECONDS" if isinstance(error, ConfinedProcessLate) else "READ_MEMORY_BYTES"
    return UnreadableDocument(
        reason=f"reading it {error.reason}; put a sound copy in its place, split it, or set {ENV_PREFIX}{limit} higher"
    )
