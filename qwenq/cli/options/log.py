"""Logging of commands that keep running: its options, and a last line that says why the command ended."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from qwenq.cli.options.shared import option
from qwenq.producer.signals import INTERRUPTED

if TYPE_CHECKING:
    from qwenq.schemas.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

STDOUT = 1
LOGGING = ("log_level", "log_format")

_LOG_OPTIONS = (
    option("--log-level", help="debug, info, warning or error [default: info]."),
    option("--log-format", help="text, or json for one object a line [default: text]."),
)


def log_options(function: F) -> F:
    """Add the options of a service's log. LOGGING names their settings."""
    for decorate in reversed(_LOG_OPTIONS):
        function = decorate(function)
    return function


@contextmanager
def logged(settings: "Settings") -> Iterator[None]:
    """Log as the settings say while a service runs. A JSON log also gets a line on what ended the service.

    The first lines name a settings file that was read, and a home folder that others can enter.
    """
    from qwenq.cli.options.settings import about_file, about_home
    from qwenq.schemas.errors import QwenqError
    from qwenq.schemas.log.events import Event
    from qwenq.schemas.log.lines import set_up_logging

    # Celery and child processes read the environment.
    os.environ |= {f"QWENQ_{name.upper()}": str(getattr(settings, name)) for name in LOGGING}
    set_up_logging(settings.log_format, settings.log_level)
    log = logging.getLogger("qwenq.service")
    for sentence in about_file():
        log.info(sentence)
    for sentence in about_home(settings):
        log.warning(sentence)
    if settings.log_format == "json":
        # Celery writes sentences there when it stops.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    try:
        yield
    except KeyboardInterrupt:
        if settings.log_format == "text":
            raise
        sys.exit(INTERRUPTED)  # as main() does, without its empty line
    except QwenqError as error:
        if settings.log_format == "text":
            raise
        facts = {"reason": str(error), "exit_code": error.exit_code}
        log.critical(Event.SERVICE_FAILED, extra=facts)
        sys.exit(error.exit_code)
