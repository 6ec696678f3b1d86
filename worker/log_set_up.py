"""The log of a worker's and beat's processes: as the settings say, in place of what Celery would set up."""

import logging
import os

from celery import signals
from celery.utils.log import get_multiprocessing_logger

from qwenq.schemas.log.lines import set_up_logging
from qwenq.schemas.settings import settings_of_process


@signals.setup_logging.connect
def heed_log_settings(**_: object) -> None:
    """Hear from Celery that it is time; that somebody hears keeps it from doing so itself."""
    settings = settings_of_process()
    set_up_logging(settings.log_format, settings.log_level)
    # It keeps what it says of processes that died from every other log.
    if (of_processes := get_multiprocessing_logger()) is not None:
        of_processes.propagate = True


def leave_ticks_out(log_level: str) -> None:
    """Let Celery tell of this process's tasks only what goes wrong; all of it when the level is `debug`.

    Beat's tasks come every few seconds, with three lines each, for ever; what they find is logged as events.
    """
    level = logging.getLevelNamesMapping()[log_level.upper()]
    if level > logging.DEBUG:
        for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace"):
            logging.getLogger(name).setLevel(max(level, logging.WARNING))


@signals.celeryd_after_setup.connect
def leave_children_alone(**_: object) -> None:
    """Keep billiard from setting up a log of its own in a child, before the child can hear of ours."""
    os.environ.pop("_MP_FORK_LOGLEVEL_", None)
