"""How a missing worker is worded, and the command that starts one."""

from shlex import quote


def worker_command(model: str) -> str:
    """The command that starts a worker of a model. The name is quoted: people paste the command into a shell."""
    return f"qwenq worker --model {quote(model)}"


def up_command(model: str) -> str:
    """The command that starts the embedded services with a worker of a model."""
    return f"qwenq up --model {quote(model)}"


def no_worker(model: str) -> str:
    """Say that no live worker has a model."""
    return f"no worker has the model {model}"


def start_a_worker(model: str) -> str:
    """Say that no live worker has a model, and how to start one."""
    return f"{no_worker(model)}; start one with `{worker_command(model)}`"
