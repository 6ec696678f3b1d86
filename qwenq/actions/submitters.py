"""Who submits: the name in the settings, else the person who runs the command."""

import getpass
import os
import socket

from qwenq.schemas.settings import Settings


def submitter_of(settings: Settings) -> str:
    """The submitter that the settings name, for a service that submits for others; else user@host."""
    return settings.submitter or f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may have a number and no name
        return str(os.getuid())
