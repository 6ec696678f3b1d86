"""What the tests of confined processes run in them."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def serve(request: bytes, file: BinaryIO | None = None) -> Iterator[bytes]:  # noqa: C901, PLR0912 - one branch for each
    """Do what the request says."""
    what, _, rest = request.partition(b" ")
    match what:
        case b"say":
            yield from rest.split()
        case b"environment":
            yield "\n".join(os.environ).encode()
        case b"process":
            yield str(os.getpid()).encode()
        case b"sleep":
            time.sleep(600)
        case b"compute":
            while True:
                pass
        case b"memory":
            yield str(len(bytearray(int(rest)))).encode()
        case b"much":
            for _ in range(1000):
                yield bytes(1024**2)
        case b"die":
            os.abort()
        case b"leave":
            os._exit(3)
        case b"import":
            raise ImportError(rest.decode())
        case b"fail":
            raise ValueError(rest.decode())
        case b"read":
            assert file is not None
            for place in rest.split():
                file.seek(int(place))
                yield file.read(10)
            file.seek(-5, os.SEEK_END)
            yield file.read()
        case b"slow":
            for _ in range(int(rest.split()[0])):
                time.sleep(0.3)
                yield b"x"
            if rest.endswith(b"sleep"):
                time.sleep(60)
        case b"print":
            print("to the line of answers")  # noqa: T201 - what a library may do
            os.write(1, b"to the line of answers")
            yield b"done"
        case b"write":
            yield str(Path(rest.decode()).write_bytes(b"more than nothing")).encode()
