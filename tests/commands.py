"""qwenq's commands within the test's own process: what a command says, without what a process costs to start."""

import gc
import io
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
    """Run a command that starts no service; what it prints and its exit code are those of `qwenq`."""
    words = [str(argument) for argument in arguments]
    with pytest.MonkeyPatch.context() as patch, _process_kept():
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
def _process_kept() -> Iterator[None]:
    """A command is its process's last deed, and leaves handlers of signals and the garbage collector as it likes."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    thresholds = gc.get_threshold()
    hook = sys.unraisablehook
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
