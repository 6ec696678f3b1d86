"""What the commands that run for long share: how they write their log, and that their end is in it."""

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
    option("--log-level", help="debug, info, warning, error [default: info]."),
    option("--log-format", help="text, or json: one object a line [default: text]."),
)


def log_options(function: F) -> F:
    """The options that say how a service writes its log. LOGGING names their settings."""
    for decorate in reversed(_LOG_OPTIONS):
        function = decorate(function)
    return function


@contextmanager
def logged(settings: "Settings") -> Iterator[None]:
    """Log as the settings say, for the life of a service; in a log of JSON, what ends it is a line as well."""
    from qwenq.schemas.errors import QwenqError
    from qwenq.schemas.log.events import Event
    from qwenq.schemas.log.lines import set_up_logging

    # Celery's side of the process, and its children, read the environment.
    os.environ |= {f"QWENQ_{name.upper()}": str(getattr(settings, name)) for name in LOGGING}
    set_up_logging(settings.log_format, settings.log_level)
    if settings.log_format == "json":
        # Celery says there, to people, that it stops.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    try:
        yield
    except KeyboardInterrupt:
        if settings.log_format == "text":
            raise
        sys.exit(INTERRUPTED)  # as main does, without the empty line that it would leave
    except QwenqError as error:
        if settings.log_format == "text":
            raise
        facts = {"reason": str(error), "exit_code": error.exit_code}
        logging.getLogger("qwenq.service").critical(Event.SERVICE_FAILED, extra=facts)
        sys.exit(error.exit_code)
