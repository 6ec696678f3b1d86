"""Trials: a function that may hang or die is called in a child process, for some seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from qwenq.schemas.errors import UsageError
from qwenq.schemas.machine.forks import FORKS


@dataclass(frozen=True, slots=True)
class Trial:
    """How a call went: `error` is what it raised, `lost` says why it did not end. Both are None if it went well."""

    error: UsageError | None = None
    lost: str | None = None


def try_in_process(seconds: float, function: Callable[..., object], *arguments: Any) -> Trial:
    """Call a function of a module in a child process, and kill it after this time."""
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_call, args=(theirs, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            return Trial(lost=f"no answer within {seconds:g} s")
        return Trial(ours.recv())
    except EOFError:
        return Trial(lost="the process that tried it died")
    finally:
        process.kill()
        process.join(1)  # the kernel may keep it while it waits for a dead file system
        ours.close()


def _call(result: Connection, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    try:
        function(*arguments)
    except UsageError as error:
        result.send(error)
    else:
        result.send(None)
