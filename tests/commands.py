"""Run qwenq's commands in the test's own process, which is much quicker than a child process."""

import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from qwenq.cli import main


def qwenq_here(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command that starts no service. Output and exit code are the same as those of `qwenq`."""
    words = [str(argument) for argument in arguments]
    with pytest.MonkeyPatch.context() as patch, process_kept():
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["qwenq", *words])
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        with pytest.raises(SystemExit) as ended:
            main()
        said = {name: _read(stream) for name, stream in streams.items()}
    assert isinstance(ended.value.code, int)
    return subprocess.CompletedProcess(words, ended.value.code, **said)


def _read(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@contextmanager
def process_kept() -> Iterator[None]:
    """Restore signal handlers, garbage collection and the umask, which a command changes for its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    thresholds = gc.get_threshold()
    hook = sys.unraisablehook
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)
        os.environ.pop("_QWENQ_UMASK", None)
        gc.set_threshold(*thresholds)
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
