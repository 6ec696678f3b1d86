"""The process that does a turn's work on the store: python -m qwenq.worker.store_process.serving DESCRIPTOR ...

Each descriptor is a line on which it is asked, by a thread of its own. It ends when whoever asks is gone.
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

LASTWORK_SECONDS = 10.0
"""How long what is being done may go on once nobody hears of it any more."""
# A terminal sends these to all of its processes, systemd to all of a unit's. What is being done is to be ended first.
_FOR_OTHERS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
_TRANSITIONS = "qwenq.store"

_log = logging.getLogger("qwenq.worker")


def main(descriptors: list[int]) -> None:
    """Serve until the lines are closed."""
    for number in _FOR_OTHERS:
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
        thread.join(LASTWORK_SECONDS)


class _Gathered(logging.Handler):
    """What each thread logs of transitions, for the log of whoever asked, who may be told of it before anybody else."""

    def __init__(self) -> None:
        super().__init__()
        self._of_thread = threading.local()
        transitions = logging.getLogger(_TRANSITIONS)
        transitions.addHandler(self)
        transitions.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self._of_thread.records = [*self.take(), record]

    def take(self) -> list[logging.LogRecord]:
        """Hand out what this thread logged since it took last."""
        taken: list[logging.LogRecord] = getattr(self._of_thread, "records", [])
        self._of_thread.records = []
        return taken


def _serve(line: Connection, store: Store, gathered: _Gathered, over: threading.Event) -> None:
    try:
        while True:
            line.send_bytes(_answer(line.recv_bytes(), store, gathered))
    except (EOFError, OSError):
        over.set()


def _answer(question: bytes, store: Store, gathered: _Gathered) -> bytes:
    try:
        work, args, kwargs = pickle.loads(question)  # noqa: S301 - from the process that started this one
        return _told(Done(work(store, *args, **kwargs), gathered.take()))
    except QwenqError as error:
        return _told(Failed(error, gathered.take()))
    except Exception as error:  # noqa: BLE001 - whatever it is: whoever asked decides what it means
        _log.critical(Event.STORE_WORK_FAILED, exc_info=True)
        return _told(Failed(StoreWorkFailed(kind=type(error).__name__), gathered.take()))


def _told(answer: Done | Failed) -> bytes:
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main([int(descriptor) for descriptor in sys.argv[1:]])
