"""A slow echo engine that answers several documents at once, dies of some, and notes all in a log.

How long a document takes, and whether it is deadly or flawed, its own text says.
"""

import os
import queue
import re
import signal
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from qwenq.schemas.errors import GenerationFailed
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import Completion, EngineHooks, ModelInfo, Request
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.failures import failed_completion
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.protocol import EngineDescription
from qwenq.worker.turn.self_check import CHECK
from tests.chaos.engines.claim_log import Hearing, Names
from tests.chaos.engines.log import ROWS, Deed, EngineLog
from tests.chaos.world.orders import DEADLY, FLAWED, HANGING

STEP_SECONDS = 0.02
_TAKES = re.compile(r"takes (\d+) ms")


@dataclass(slots=True)
class _Row:
    """A document that is being generated; `names` are its job, chunk, attempt and seq."""

    request: Request
    names: Names
    due_at: float

    @property
    def text(self) -> str:
        """What the document says."""
        return self.request.prompt.messages[-1].content

    @property
    def fails(self) -> bool:
        """Whether it fails this time. A flawed document fails at each odd attempt, so that a retry helps."""
        *_, attempt, _ = self.names
        return FLAWED in self.text and attempt % 2 == 1


class NotingEngine:
    """Answers with the last user message, after the time that the document names."""

    def __init__(self, options: EngineOptions, hooks: EngineHooks) -> None:
        self._echo = EchoEngine(options, EngineHooks(lambda: None, hooks.on_batch))
        self._on_step = hooks.on_step
        self._log = EngineLog.of_environment()
        self._claims = Hearing(self._log)
        self._rows: list[_Row] = []
        self._withdrawn: set[int] = set()
        self._put_down: dict[int, int] = {}
        self._reader: _Reader | None = None

    def load(self) -> ModelInfo:
        """Nothing to load."""
        self._claims.listen()
        self._log.note(Deed.LOADED)
        return self._echo.load()

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request but the deadly ones, the quick ones first. The self-check is not noted."""
        if requests is CHECK:
            yield from self._echo.generate(requests)
            return
        self._withdrawn.clear()
        self._put_down.clear()
        reader = self._reader = _Reader(requests, self._claims)
        try:
            while self._rows or not reader.is_at_end:
                self._on_step()
                self._rows += self._begun(reader, ROWS - len(self._rows), idle=not self._rows)
                for row in [row for row in self._rows if row.due_at <= time.monotonic()]:
                    self._rows.remove(row)
                    self._log.note(Deed.ENDED, *row.names)
                    yield from self._outcome(row)
                if self._rows:
                    time.sleep(STEP_SECONDS)
        finally:
            reader.close()
            self._drop(self._rows)

    def prompt_tokens(self, messages: Iterable[Message], *, thinking: bool) -> int:
        """Count the words of a prompt."""
        return self._echo.prompt_tokens(messages, thinking=thinking)

    def withdraw(self, group: int) -> None:
        """Drop the group's requests."""
        self._withdrawn.add(group)
        self._drop([row for row in self._rows if row.request.group == group])

    def withdraw_waiting(self, group: int, first: int = 0) -> Collection[int]:
        """Begin no further request of the group from `first` on. Returns the keys of those that have begun."""
        self._put_down[group] = min(first, self._put_down.get(group, first))
        return {row.request.key for row in self._rows if row.request.group == group}

    def hurry(self) -> None:
        """It reads on as soon as it has room."""

    def waiting(self) -> int:
        """Count what was read and has not begun."""
        return 0 if self._reader is None else self._reader.waiting

    def describe(self) -> EngineDescription:
        """Describe the echo engine."""
        return self._echo.describe()

    def _begun(self, reader: "_Reader", room: int, *, idle: bool) -> list[_Row]:
        """Start the next requests, as many as there is room for."""
        rows: list[_Row] = []
        while len(rows) < room and (read := reader.next(STEP_SECONDS if idle and not rows else 0.0)):
            request, names = read
            put_down = self._put_down.get(request.group)
            if request.group in self._withdrawn or (put_down is not None and request.key >= put_down):
                continue
            row = _Row(request, names, time.monotonic())
            self._log.note(Deed.BEGUN, *names)
            if DEADLY in row.text:
                self._die(names, hanging=HANGING in row.text)
            if takes := _TAKES.search(row.text):
                row.due_at += int(takes.group(1)) / 1_000
            rows.append(row)
        return rows

    def _outcome(self, row: _Row) -> Iterator[Completion]:
        if row.fails:
            error = GenerationFailed(reason="it is flawed")
            yield failed_completion(row.request.key, error, group=row.request.group)
        else:
            yield from self._echo.generate([row.request])

    def _die(self, names: Names, *, hanging: bool) -> None:
        self._log.note(Deed.DIED, *names)
        if hanging:
            threading.Event().wait()
        os.kill(os.getpid(), signal.SIGKILL)

    def _drop(self, rows: list[_Row]) -> None:
        for row in list(rows):
            self._rows.remove(row)
            self._log.note(Deed.DROPPED, *row.names)


class _Reader:
    """Reads a few requests ahead in a thread, as an engine with a device does."""

    def __init__(self, requests: Iterable[Request], claims: Hearing) -> None:
        self._claims = claims
        self._read: queue.Queue[tuple[Request, Names]] = queue.Queue(ROWS)
        self._closed = threading.Event()
        self._ended = threading.Event()
        threading.Thread(target=self._run, args=(requests,), daemon=True).start()

    @property
    def is_at_end(self) -> bool:
        """Whether all requests were read."""
        return self._ended.is_set() and self._read.empty()

    @property
    def waiting(self) -> int:
        """How many requests were read ahead."""
        return self._read.qsize()

    def next(self, seconds: float) -> tuple[Request, Names] | None:
        """The next request with its names; None if none comes within this time."""
        try:
            return self._read.get(timeout=seconds) if seconds else self._read.get_nowait()
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop reading."""
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
