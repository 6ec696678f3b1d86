"""A worker's second process, which does what a turn asks of the store: its claims, and what its keeper writes.

Python runs one thread of a process at a time. In one process, a transaction would wait for generation again and again,
holding its locks meanwhile, and generation for it.
"""

import logging
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from typing import Concatenate, ParamSpec, Protocol, Self, TypeVar

from qwenq.schemas.errors import QwenqError, StoreAway
from qwenq.store.database.store import Store

ANSWER_SECONDS = 120.0
"""How long a piece of work may take. What PostgreSQL keeps waiting for longer is given up with the process."""
_MODULE = "qwenq.worker.store_process.serving"
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
    def begin(cls, store: Store) -> Self:
        """Raises OSError."""
        pairs = {lane: socket.socketpair() for lane in Lane}
        for here, _ in pairs.values():
            for limit in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                here.setsockopt(socket.SOL_SOCKET, limit, _timeval(ANSWER_SECONDS))
        theirs = [there.fileno() for _, there in pairs.values()]
        # -P: a folder named like one of qwenq's, where the worker was started, is none of them.
        command = [sys.executable, "-P", "-m", _MODULE, *map(str, theirs)]
        # The very store of this process, whatever the settings say by now.
        url = store.engine.url.render_as_string(hide_password=False)
        process = subprocess.Popen(
            command,
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "QWENQ_DATABASE_URL": url},
        )
        for _, there in pairs.values():
            there.close()
        return cls(process, {lane: Connection(here.detach()) for lane, (here, _) in pairs.items()})

    def ask(self, lane: Lane, question: bytes) -> Done | Failed:
        """Raises OSError, of which TimeoutError is one, and EOFError."""
        line = self.lines[lane]
        try:
            line.send_bytes(question)
            answer: Done | Failed = pickle.loads(line.recv_bytes())  # noqa: S301 - a process of our own
        except BlockingIOError:
            raise TimeoutError(f"no answer for {ANSWER_SECONDS:.0f} seconds") from None
        return answer

    def end(self) -> None:
        """Whoever waits on another lane hears of it, and nobody's line is closed under him."""
        self.process.kill()
        self.process.wait()


class StoreProcess:
    """Starts the process when it is first asked, and anew when it is gone. Any thread may ask.

    What was asked of one that is gone was done or not, as with a database that went away: it is to be asked again. The
    process ends by itself soon after this one, whatever ended it: it ends what it was doing before.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
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
            try:
                running = self._begun()
            except OSError as error:
                raise self._away(f"cannot be started: {error}") from error
            try:
                answer = running.ask(lane, question)
            except (EOFError, OSError) as error:
                self._lose(running)
                raise self._away(f"is gone: {str(error) or 'it ended'}") from error
            except BaseException:
                self._lose(running)  # an answer that nobody heard would be taken for the next one's
                raise
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
                self._running = _Running.begin(self._store)
            return self._running

    def _lose(self, running: _Running) -> None:
        with self._changing:
            running.end()
            if self._running is running:  # the other lane may have noticed before
                self._running = None

    def _away(self, how: str) -> StoreAway:
        return StoreAway(url=self._store.url, reason=f"the process that works on it {how}", remedy=_REMEDY)


def _timeval(seconds: float) -> bytes:
    """C's `struct timeval`."""
    whole, rest = divmod(seconds, 1)
    return struct.pack("ll", int(whole), int(rest * 1_000_000))
