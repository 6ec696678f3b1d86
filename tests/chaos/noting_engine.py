"""The echo engine, but it takes its time over several documents at once, dies of some, and notes all in a log.

For workers that the harness starts: a process that finds this module in its `sitecustomize` has it for the model
`echo`. How long a document takes, and whether it is deadly, its own text says.
"""

import logging
import os
import queue
import re
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.events import Event
from schemas.prompts import Message
from schemas.requests import Completion, EngineHooks, ModelInfo, Request
from tests.chaos.engine_log import LOG_FILE, ROWS, Deed, EngineLog
from tests.chaos.orders import DEADLY, HANGING
from worker.engine import factory
from worker.engine.echo import EchoEngine
from worker.engine.options import EngineOptions
from worker.self_check import CHECK

STEP_SECONDS = 0.02
_TAKES = re.compile(r"takes (\d+) ms")


@dataclass(slots=True)
class _Row:
    """A document that is being generated; `names` are its job, chunk, attempt and seq."""

    request: Request
    names: tuple[int, int, int, int]
    due_at: float


class NotingEngine:
    """Answers with the last user message, each document after the time that it names."""

    def __init__(self, options: EngineOptions, hooks: EngineHooks) -> None:
        self._echo = EchoEngine(options, EngineHooks(lambda: None, hooks.on_batch))
        self._on_step = hooks.on_step
        self._log = EngineLog(Path(os.environ[LOG_FILE]))
        self._claims = _Claims(self._log)
        self._withdrawn: set[int] = set()

    def load(self) -> ModelInfo:
        """Nothing to load."""
        logging.getLogger("qwenq.store").addHandler(self._claims)
        self._log.note(Deed.LOADED)
        return self._echo.load()

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request but the deadly ones, the quick ones first; a worker's check of itself is no work."""
        if requests is CHECK:
            yield from self._echo.generate(requests)
            return
        self._withdrawn.clear()
        reader = _Reader(requests, self._claims)
        rows: list[_Row] = []
        try:
            while rows or not reader.is_at_end:
                self._on_step()
                rows = self._without_withdrawn(rows)
                rows += self._begun(reader, ROWS - len(rows), idle=not rows)
                for row in [row for row in rows if row.due_at <= time.monotonic()]:
                    rows.remove(row)
                    self._log.note(Deed.ENDED, *row.names)
                    yield from self._echo.generate([row.request])
                if rows:
                    time.sleep(STEP_SECONDS)
        finally:
            reader.close()
            self._drop(rows)

    def prompt_tokens(self, messages: Iterable[Message], *, thinking: bool) -> int:
        """Count the words of a prompt."""
        return self._echo.prompt_tokens(messages, thinking=thinking)

    def withdraw(self, group: int) -> None:
        """Answer no further request of the group."""
        self._withdrawn.add(group)

    def close(self) -> None:
        """Nothing to let go."""

    def _begun(self, reader: "_Reader", room: int, *, idle: bool) -> list[_Row]:
        """The next requests, as many as there is room for, each at work from now on."""
        rows: list[_Row] = []
        while len(rows) < room and (read := reader.next(STEP_SECONDS if idle and not rows else 0.0)):
            request, names = read
            if request.group in self._withdrawn:
                continue
            text = request.prompt.messages[-1].content
            self._log.note(Deed.BEGUN, *names)
            if DEADLY in text:
                self._die(names, hanging=HANGING in text)
            takes = _TAKES.search(text)
            rows.append(
                _Row(request, names, time.monotonic() + (int(takes.group(1)) / 1_000 if takes else 0.0))
            )
        return rows

    def _die(self, names: tuple[int, int, int, int], *, hanging: bool) -> None:
        self._log.note(Deed.DIED, *names)
        if hanging:
            threading.Event().wait()
        os.kill(os.getpid(), signal.SIGKILL)

    def _without_withdrawn(self, rows: list[_Row]) -> list[_Row]:
        self._drop([row for row in rows if row.request.group in self._withdrawn])
        return [row for row in rows if row.request.group not in self._withdrawn]

    def _drop(self, rows: list[_Row]) -> None:
        for row in rows:
            self._log.note(Deed.DROPPED, *row.names)


class _Claims(logging.Handler):
    """Hears from the worker's own log which claim a chunk is of: an engine is not told."""

    def __init__(self, log: EngineLog) -> None:
        super().__init__()
        self._log = log
        self._by_chunk: dict[int, tuple[int, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take the line that tells of a claim."""
        if record.msg == Event.CHUNK_CLAIMED:
            told = vars(record)
            chunk, job, attempt = told["chunk"], told["job"], told["attempt"]
            self._by_chunk[chunk] = job, attempt
            self._log.note(Deed.CLAIMED, job, chunk, attempt)

    def names_of(self, request: Request) -> tuple[int, int, int, int]:
        """Job, chunk, attempt and seq of a request that is read now."""
        job, attempt = self._by_chunk[request.group]
        return job, request.group, attempt, request.key


class _Reader:
    """Reads a few requests ahead in a thread, as an engine with a device does."""

    def __init__(self, requests: Iterable[Request], claims: _Claims) -> None:
        self._claims = claims
        self._read: queue.Queue[tuple[Request, tuple[int, int, int, int]]] = queue.Queue(ROWS)
        self._closed = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._run, args=(requests,), daemon=True).start()

    @property
    def is_at_end(self) -> bool:
        """Whether no request is to come."""
        return self._ended.is_set() and self._read.empty()

    def next(self, seconds: float) -> tuple[Request, tuple[int, int, int, int]] | None:
        """The next request, with its names; None when none has come within this time."""
        try:
            return self._read.get(timeout=seconds) if seconds else self._read.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """Read no more."""
        self._closed.set()

    def _run(self, requests: Iterable[Request]) -> None:
        try:
            for request in requests:
                self._put(request)
                if self._closed.is_set():
                    return
        finally:
            self._ended.set()

    def _put(self, request: Request) -> None:
        names = self._claims.names_of(request)
        while not self._closed.is_set():
            try:
                self._read.put((request, names), timeout=STEP_SECONDS)
            except queue.Full:
                continue
            return


def install() -> None:
    """Let it be the echo engine of this process."""
    setattr(factory, EchoEngine.__name__, NotingEngine)
