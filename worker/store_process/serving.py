"""The store process: python -m qwenq.worker.store_process.serving DESCRIPTOR ...

A thread for each descriptor answers the questions on that line. The process ends when the working process is gone.
"""

import logging
import pickle
import signal
import sys
import threading
from multiprocessing.connection import Connection

from qwenq.schemas.errors import QwenqError, StoreWorkFailed
from qwenq.schemas.log.events import Event
from qwenq.schemas.log.lines import set_up_logging
from qwenq.schemas.settings import settings_of_process
from qwenq.store.database.store import Store
from qwenq.worker.heap import freeze_heap
from qwenq.worker.store_process import claiming, settling  # noqa: F401 - its work, loaded before the heap is frozen
from qwenq.worker.store_process.client import Done, Failed

LAST_WORK_SECONDS = 10.0
"""How long work may go on once the working process is gone."""
# A terminal sends these to all of its processes, systemd to all of a unit's. Current work must be finished first.
_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_TRANSITIONS = "qwenq.store"

_log = logging.getLogger("qwenq.worker")


def main(descriptors: list[int]) -> None:
    """Answer questions until the lines are closed."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    settings = settings_of_process()
    set_up_logging(settings.log_format, settings.log_level)
    gathered = _Gathered()
    store = Store.of(settings)
    freeze_heap()
    over = threading.Event()
    threads = [
        threading.Thread(target=_serve, args=(Connection(descriptor), store, gathered, over), daemon=True)
        for descriptor in descriptors
    ]
    for thread in threads:
        thread.start()
    over.wait()
    for thread in threads:
        thread.join(LAST_WORK_SECONDS)


class _Gathered(logging.Handler):
    """Gathers the transitions that each thread logs, to be logged by the working process before it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()
        transitions = logging.getLogger(_TRANSITIONS)
        transitions.addHandler(self)
        transitions.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self._of_thread.records = [*self.drain(), record]

    def drain(self) -> list[logging.LogRecord]:
        """Hand out what this thread logged since the last call."""
        records: list[logging.LogRecord] = getattr(self._of_thread, "records", [])
        self._of_thread.records = []
        return records


def _serve(line: Connection, store: Store, gathered: _Gathered, over: threading.Event) -> None:
    try:
        while True:
            line.send_bytes(_answer(line.recv_bytes(), store, gathered))
    except (EOFError, OSError):
        over.set()


def _answer(question: bytes, store: Store, gathered: _Gathered) -> bytes:
    try:
        work, args, kwargs = pickle.loads(question)  # noqa: S301 - from the process that started this one
        return _pickled(Done(work(store, *args, **kwargs), gathered.drain()))
    except QwenqError as error:
        return _pickled(Failed(error, gathered.drain()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the working process decides what it means
        _log.critical(Event.STORE_WORK_FAILED, exc_info=True)
        return _pickled(Failed(StoreWorkFailed(kind=type(error).__name__), gathered.drain()))


def _pickled(answer: Done | Failed) -> bytes:
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main([int(descriptor) for descriptor in sys.argv[1:]])
