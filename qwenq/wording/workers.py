"""How a missing worker is worded, and the command that starts one; how far a loading one is."""

from collections.abc import Callable
from pathlib import Path
from shlex import quote

from qwenq.schemas.settings import Settings
from qwenq.schemas.workers import LoadProgress
from qwenq.wording.numbers import duration, size


def worker_command(model: str) -> str:
    """The command that starts a worker of a model. The name is quoted: people paste the command into a shell."""
    return f"qwenq worker --model {quote(model)}"


def up_command(model: str) -> str:
    """The command that starts the embedded services with a worker of a model."""
    return f"qwenq up --model {quote(model)}"


def no_worker(model: str) -> str:
    """Say that no live worker has a model."""
    return f"no worker has the model {model}"


def command_here(settings: Settings) -> Callable[[str], str]:
    """What starts a worker: where the embedded Redis does not run, a worker alone would wait for its socket."""
    from qwenq.store.broker.broker import socket_path

    is_down = settings.broker_url is None and not Path(socket_path(settings)).exists()
    return up_command if is_down else worker_command


def start_a_worker(model: str, command: Callable[[str], str] = worker_command) -> str:
    """Say that no live worker has a model, and how to start one."""
    return f"{no_worker(model)}; start one with `{command(model)}`"


def new_store(store: str) -> str:
    """Say that a store was made, and who does not see it: the folder may be the wrong one."""
    return f"a new store was made: {store}; workers of another folder do not see it"


def last_failed(reason: str) -> str:
    """Say why no worker is left that has a model."""
    return f"its worker failed: {reason}"


def how_far(progress: LoadProgress) -> str:
    """How far a worker is with its model, such as `downloading the model: 3.1 GiB of 16.4 GiB, 19 %, 4 min left`."""
    if not progress.done and progress.total is None:
        return f"{progress.stage} the model"
    said = f"{progress.stage} the model: {size(progress.done)}"
    if progress.total:
        share = min(1.0, progress.done / progress.total)
        said += f" of {size(progress.total)}, {100 * share:.0f} %"
    if progress.seconds_left is not None:
        said += f", about {duration(progress.seconds_left)} left"
    return said
