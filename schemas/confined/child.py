"""The child's side of a confined process: `python -P -m qwenq.schemas.confined.child MODULE MEMORY_BYTES`.

The parent sends a frame for each call: its seconds, and the request. The child answers with frames: pieces, then an
end. Both sides are bytes, since the parent must not unpickle what a child over foreign bytes may have made up.

    request     length (8 bytes), seconds (4 bytes), then so many bytes
    answer      kind (1 byte), length (8 bytes), then so many bytes
"""

import contextlib
import importlib
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterable
from io import BufferedReader, FileIO

from qwenq.schemas.errors import reason_of

REQUEST = struct.Struct("!QI")
ANSWER = struct.Struct("!cQ")
READY, PIECE, END, FAILED, NO_MEMORY = b"r", b"p", b"e", b"f", b"m"

Serve = Callable[[bytes], Iterable[bytes]]
_OPEN_FILES = 64
_LONGEST_REASON = 2000


def main() -> None:
    """Answer requests until the parent closes the line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C is the parent's, which ends this process.
    requests, answers = os.fdopen(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    _silence()
    serve: Serve = importlib.import_module(sys.argv[1]).serve
    _limit(resource.RLIMIT_AS, int(sys.argv[2]))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _send(answers, READY, b"")
    while header := requests.read(REQUEST.size):
        _answer(serve, requests, answers, *REQUEST.unpack(header))


def _answer(serve: Serve, requests: BufferedReader, answers: FileIO, length: int, seconds: int) -> None:
    _limit_processor_time(seconds)
    try:
        for piece in serve(requests.read(length)):
            _send(answers, PIECE, piece)
    except MemoryError:
        _send(answers, NO_MEMORY, b"")
    except Exception as error:  # noqa: BLE001 - foreign bytes raise any kind of error
        _send(answers, FAILED, reason_of(error)[:_LONGEST_REASON].encode("utf-8", "backslashreplace"))
    else:
        _send(answers, END, b"")


def _send(answers: FileIO, kind: bytes, content: bytes) -> None:
    for part in (ANSWER.pack(kind, len(content)), content):
        left = memoryview(part)
        while left:
            left = left[answers.write(left) :]


def _silence() -> None:
    """Keep what libraries print away from the line to the parent."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in (0, 1, 2):
        os.dup2(nowhere, file)
    os.close(nowhere)


def _limit_processor_time(seconds: int) -> None:
    """End this process when it goes on computing after its parent has died, and so cannot kill it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + seconds + 1)


def _limit(what: int, amount: int) -> None:
    """Set a soft limit. Does nothing where the operating system refuses it."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (amount, hard))


if __name__ == "__main__":
    main()
