"""A worker's second process, which does what a turn asks of the store: its claims, and what its keeper writes.

Python runs one thread of a process at a time. In one process, a transaction would wait for generation again and again,
holding its locks meanwhile, and generation for it.
"""

import logging
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from typing import Concatenate, ParamSpec, Protocol, Self, TypeVar

from schemas.errors import QwenqError, StoreAway
from store.database import Store

ANSWER_SECONDS = 120.0
"""How long a piece of work may take: longer than the store itself waits for anything."""
_MODULE = "worker.store_serving"
_REMEDY = "Another takes its place"

P = ParamSpec("P")
T = TypeVar("T")


class Lane(Enum):
    """What is asked on one lane is done one after the other, and beside what is asked on the other."""

    CLAIMING = "claiming"
    KEEPING = "keeping"


class StoreWork(Protocol):
    """Where work on the store is done."""

    def run(
        self, lane: Lane, work: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do it: give what it gives, raise what it raises. Raises StoreAway."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """What a piece of work gave, and what it logged of the store's transitions."""

    outcome: object
    logged: Sequence[logging.LogRecord]


@dataclass(frozen=True, slots=True)
class Failed:
    """What a piece of work raised, and what it logged before."""

    error: QwenqError
    logged: Sequence[logging.LogRecord]


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """One such process, and a line to it for each lane."""

    process: subprocess.Popen[bytes]
    lines: Mapping[Lane, Connection]

    @classmethod
    def begin(cls) -> Self:
        pairs = {lane: socket.socketpair() for lane in Lane}
        theirs = [there.fileno() for _, there in pairs.values()]
        # -P: a folder named like one of qwenq's, where the worker was started, is none of them.
        command = [sys.executable, "-P", "-m", _MODULE, *map(str, theirs)]
        process = subprocess.Popen(command, pass_fds=theirs, stdin=subprocess.DEVNULL)
        for _, there in pairs.values():
            there.close()
        return cls(process, {lane: Connection(here.detach()) for lane, (here, _) in pairs.items()})

    def ask(self, lane: Lane, question: bytes) -> Done | Failed:
        """Raises OSError, of which TimeoutError is one, and EOFError."""
        line = self.lines[lane]
        line.send_bytes(question)
        if not line.poll(ANSWER_SECONDS):
            raise TimeoutError(f"no answer for {ANSWER_SECONDS:.0f} seconds")
        answer: Done | Failed = pickle.loads(line.recv_bytes())  # noqa: S301 - a process of our own
        return answer

    def end(self) -> None:
        """Whoever waits on another lane hears of it, and nobody's line is closed under him."""
        self.process.kill()
        self.process.wait()


class StoreProcess:
    """Starts the process when it is first asked, and anew when it is gone. Any thread may ask.

    What was asked of one that is gone was done or not, as with a database that went away: it is to be asked again. The
    process ends by itself when this one does, whatever ended it.
    """

    def __init__(self, store: Store) -> None:
        self._url = store.url
        self._changing = threading.Lock()
        self._turns = {lane: threading.Lock() for lane in Lane}
        self._running: _Running | None = None

    def start(self) -> None:
        """Let the process start, which takes half a second that nobody has to wait for."""
        self._begun()

    def run(
        self, lane: Lane, work: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Have work done there: a function of a module, and arguments, that can be pickled. What it logs, this logs.

        Raises what it raises, and StoreAway when the process ends meanwhile or does not answer.
        """
        question = pickle.dumps((work, args, kwargs), pickle.HIGHEST_PROTOCOL)
        with self._turns[lane]:
            running = self._begun()
            try:
                answer = running.ask(lane, question)
            except (EOFError, OSError) as error:
                raise self._lost(running, error) from error
        for record in answer.logged:
            logging.getLogger(record.name).handle(record)
        if isinstance(answer, Failed):
            raise answer.error
        outcome: T = answer.outcome  # type: ignore[assignment]
        return outcome

    def close(self) -> None:
        """Let the process end."""
        with self._changing:
            if self._running is not None:
                self._running.end()
                self._running = None

    def _begun(self) -> _Running:
        with self._changing:
            if self._running is None:
                self._running = _Running.begin()
            return self._running

    def _lost(self, running: _Running, error: Exception) -> StoreAway:
        with self._changing:
            running.end()
            if self._running is running:  # the other lane may have noticed before
                self._running = None
        told = str(error) or "it ended"
        return StoreAway(
            url=self._url, reason=f"the process that works on it is gone: {told}", remedy=_REMEDY
        )
