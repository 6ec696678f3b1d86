"""The command that starts a worker, as messages and pages tell it."""

from shlex import quote


def worker_command(model: str) -> str:
    """What starts a worker of this model. Who submits a job chooses the name, and somebody else pastes the command."""
    return f"qwenq worker --model {quote(model)}"
