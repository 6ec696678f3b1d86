"""Logging in the processes of workers and beat: set up from the settings, in place of Celery's own."""

import logging
import os
import warnings

from celery import signals
from celery.exceptions import CPendingDeprecationWarning, Reject, SecurityWarning
from celery.utils.log import get_multiprocessing_logger

from qwenq.schemas.log.lines import set_up_logging
from qwenq.schemas.settings import settings_of_process

# It warns of root because of pickle, which is not accepted here; containers run as root.
warnings.filterwarnings("ignore", category=SecurityWarning)


@signals.setup_logging.connect
def heed_log_settings(**_: object) -> None:
    """Set up logging when Celery asks. A receiver of this signal keeps Celery from setting up its own."""
    settings = settings_of_process()
    set_up_logging(settings.log_format, settings.log_level)
    if settings.log_level != "debug":
        logging.getLogger("celery.app.trace").addFilter(leave_places_of_rejects_out)
    # By default, what it logs about processes that died reaches no other log.
    if (of_processes := get_multiprocessing_logger()) is not None:
        of_processes.propagate = True


def leave_places_of_rejects_out(record: logging.LogRecord) -> bool:
    """Drop the traceback of a message that a worker put back: the line has its reason already, as has an event."""
    if record.exc_info and isinstance(record.exc_info[1], Reject):
        record.exc_info = None
    return True


def leave_ticks_out(log_level: str) -> None:
    """Have Celery log only warnings about this process's tasks; everything at level `debug`.

    Beat's tasks come every few seconds for ever, with three lines each; what they find is logged as events.
    """
    level = logging.getLevelNamesMapping()[log_level.upper()]
    if level > logging.DEBUG:
        for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
            logging.getLogger(name).setLevel(max(level, logging.WARNING))


@signals.celeryd_after_setup.connect
def leave_children_alone(**_: object) -> None:
    """Keep billiard from setting up its own log in a child before the child sets up ours."""
    os.environ.pop("_MP_FORK_LOGLEVEL_", None)


@signals.celeryd_after_setup.connect
def leave_defaults_of_later_versions_out(**_: object) -> None:
    """Keep Celery from telling at each loss of the broker what a later version will do. Before this, it undoes that."""
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning, module=r"celery\.worker\.consumer")
