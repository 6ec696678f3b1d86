"""One reader process for many tests: to start one takes longer than to read a small file."""

from functools import cache

from qwenq.producer.reading.reader_process import ReaderProcess


@cache
def shared_reader() -> ReaderProcess:
    """The reader process of this process, without limits of its own. It ends with this process."""
    return ReaderProcess()
