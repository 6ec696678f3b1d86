"""The child's side of a confined process: `python -P -m qwenq.schemas.confined.child MODULE MEMORY_BYTES`.

The parent sends a frame for each call: its seconds, and the request. The child answers with frames: pieces, then an
end. Both sides are bytes, since the parent must not unpickle what a child over foreign bytes may have made up.

    request     length (8 bytes), seconds (4), more seconds for each piece (4), size of its file or -1 (8), the request
    answer      kind (1 byte), length (8 bytes), then so many bytes

A file stays with the parent. The child asks for a part of it with an answer of the kind READ (place and length), and
gets the length of what there is (8 bytes), and so many bytes.
"""

import contextlib
import importlib
import io
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterable
from io import BufferedReader, FileIO
from typing import TYPE_CHECKING, BinaryIO

from qwenq.schemas.errors import reason_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

REQUEST = struct.Struct("!QIIq")
ANSWER = struct.Struct("!cQ")
READY, PIECE, END, FAILED, NO_MEMORY, READ = b"r", b"p", b"e", b"f", b"m", b"?"
PART = struct.Struct("!QQ")
PART_LENGTH = struct.Struct("!Q")
MOST_PART_BYTES = 1 << 20
"""The most bytes of a file that a child gets at once."""
NO_FILE = -1
SHORT_BYTES = 1 << 16
"""Content up to this size is sent together with its header."""

Serve = Callable[..., Iterable[bytes]]
"""Called with the request, and with the call's file if there is one."""
_BUFFER_BYTES = 1 << 18
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


class _ParentsFile(io.RawIOBase):
    """A file of the parent, which is asked for each part."""

    def __init__(self, requests: BufferedReader, answers: FileIO, size: int) -> None:
        self._requests = requests
        self._answers = answers
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a place before the file's beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        _send(self._answers, READ, PART.pack(self._at, min(len(view), MOST_PART_BYTES)))
        (length,) = PART_LENGTH.unpack(self._requests.read(PART_LENGTH.size))
        view[:length] = self._requests.read(length)
        self._at += length
        return int(length)


def _answer(
    serve: Serve,
    requests: BufferedReader,
    answers: FileIO,
    length: int,
    seconds: int,
    seconds_a_piece: int,
    file_bytes: int,
) -> None:
    used = _processor_seconds()
    try:
        most = used + seconds
        _limit(resource.RLIMIT_CPU, most)
        request = requests.read(length)
        given: tuple[BinaryIO, ...] = ()
        if file_bytes != NO_FILE:
            given = (BufferedReader(_ParentsFile(requests, answers, file_bytes), _BUFFER_BYTES),)
        for piece in serve(request, *given):
            _send(answers, PIECE, piece)
            earned = min(most + seconds_a_piece, _processor_seconds() + seconds)
            if earned != most:
                most = earned
                _limit(resource.RLIMIT_CPU, most)
    except Exception as error:  # noqa: BLE001 - foreign bytes raise any kind of error
        if _lacks_memory(error):
            _send(answers, NO_MEMORY, b"")
        else:
            _send(answers, FAILED, reason_of(error)[:_LONGEST_REASON].encode("utf-8", "backslashreplace"))
    else:
        _send(answers, END, b"")


def _lacks_memory(error: Exception) -> bool:
    """Whether memory ran out. A library in C that finds no room for itself is an ImportError."""
    is_import = isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError)
    return is_import or isinstance(error, MemoryError)


def _send(answers: FileIO, kind: bytes, content: bytes) -> None:
    header = ANSWER.pack(kind, len(content))
    # Each write may wake the parent.
    for part in (header + content,) if len(content) <= SHORT_BYTES else (header, content):
        left = memoryview(part)
        while left:
            left = left[answers.write(left) :]


def _silence() -> None:
    """Keep what libraries print away from the line to the parent."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for file in (0, 1, 2):
        os.dup2(nowhere, file)
    os.close(nowhere)


def _processor_seconds() -> int:
    """Processor time so far. Its limit ends this process when it goes on after its parent died without killing it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int(usage.ru_utime + usage.ru_stime) + 1


def _limit(what: int, amount: int) -> None:
    """Set a soft limit. Does nothing where the operating system refuses it."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (amount, hard))


if __name__ == "__main__":
    main()
