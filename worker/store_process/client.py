"""The store process as the working process sees it: it runs a turn's claims, and what its keeper writes.

Python runs one thread of a process at a time. In the working process, each transaction would wait for generation again
and again while it holds its locks, and generation would wait for the transaction.
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
"""How long a piece of work may take. After that, the process is ended: PostgreSQL may be waiting for a lock."""
_MODULE = "qwenq.worker.store_process.serving"
_REMEDY = "A new one starts"

P = ParamSpec("P")
T = TypeVar("T")


class Lane(Enum):
    """Work on one lane is done in order, beside the work on the other lane."""

    CLAIMING = "claiming"
    KEEPING = "keeping"


class StoreWork(Protocol):
    """A place where work on the store is done."""

    def run(
        self, lane: Lane, work: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run the work. Returns what it returns, raises what it raises, and StoreAway."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """What a piece of work returned, and the transitions that it logged."""

    outcome: object
    logged: Sequence[logging.LogRecord]


@dataclass(frozen=True, slots=True)
class Failed:
    """What a piece of work raised, and the transitions that it logged before."""

    error: QwenqError
    logged: Sequence[logging.LogRecord]


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """One store process, and a line to it for each lane."""

    process: subprocess.Popen[bytes]
    lines: Mapping[Lane, Connection]

    @classmethod
    def begin(cls, store: Store) -> Self:
        """Start the process. Raises OSError."""
        pairs = {lane: socket.socketpair() for lane in Lane}
        for here, _ in pairs.values():
            for limit in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                here.setsockopt(socket.SOL_SOCKET, limit, _timeval(ANSWER_SECONDS))
        theirs = [there.fileno() for _, there in pairs.values()]
        # -P: do not import from the working folder, which may hold folders with the same names.
        command = [sys.executable, "-P", "-m", _MODULE, *map(str, theirs)]
        # Use this process's own store, whatever the settings say by now.
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
        """Send a question and wait for its answer. Raises OSError (TimeoutError too) and EOFError."""
        line = self.lines[lane]
        try:
            line.send_bytes(question)
            answer: Done | Failed = pickle.loads(line.recv_bytes())  # noqa: S301 - a process of our own
        except BlockingIOError:
            raise TimeoutError(f"no answer for {ANSWER_SECONDS:.0f} seconds") from None
        return answer

    def end(self) -> None:
        """Kill the process. Its ends of the lines close, so the thread that waits on the other lane gets an error."""
        self.process.kill()
        self.process.wait()


class StoreProcess:
    """Starts the store process at the first question, and a new one when it is gone. Any thread may ask.

    When the process is gone, its last work was done or not, as with a database that went away: ask again. The process
    ends by itself soon after this one, once it has finished what it was doing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changing = threading.Lock()
        self._turns = {lane: threading.Lock() for lane in Lane}
        self._running: _Running | None = None

    def start(self) -> None:
        """Start the process now, so that the first question does not wait half a second."""
        self._begun()

    def run(
        self, lane: Lane, work: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a module's function in the store process; it and its arguments are pickled. Logs what it logged there.

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
                self._lose(running)  # its answer, still to come, would be taken for the next question's
                raise
        for record in answer.logged:
            logging.getLogger(record.name).handle(record)
        if isinstance(answer, Failed):
            raise answer.error
        outcome: T = answer.outcome  # type: ignore[assignment]
        return outcome

    def _begun(self) -> _Running:
        with self._changing:
            if self._running is None:
                self._running = _Running.begin(self._store)
            return self._running

    def _lose(self, running: _Running) -> None:
        with self._changing:
            running.end()
            if self._running is running:  # the other lane may have replaced it already
                self._running = None

    def _away(self, how: str) -> StoreAway:
        return StoreAway(url=self._store.url, reason=f"the process that works on it {how}", remedy=_REMEDY)


def _timeval(seconds: float) -> bytes:
    """C's `struct timeval`."""
    whole, rest = divmod(seconds, 1)
    return struct.pack("ll", int(whole), int(rest * 1_000_000))
