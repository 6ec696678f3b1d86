"""`qwenq beat`: run schedules and housekeeping on a timer."""

from typing import TYPE_CHECKING, Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command

if TYPE_CHECKING:
    from qwenq.schemas.settings import Settings
    from qwenq.worker.parent.beat import Duty

TICK_SECONDS = 5.0
"""Between two ticks. Schedules are due by the minute."""
CARE_SECONDS = 5.0
"""Between two looks at the batches of the HTTP service."""


@click.command(name="beat", cls=Command, examples=("qwenq beat",))
@log_options
def command(**options: Any) -> int:
    """Run schedules, put stranded work back into the queue, and take care of the batches of `qwenq serve`.

    One beat is enough for all schedules and workers; several do no harm. It cares for batches if QWENQ_FILES_URL names
    their files, or if the store is that of the home folder.
    """
    from qwenq.schemas.settings import load_settings
    from qwenq.store.database.opening import open_store
    from qwenq.worker.parent.beat import run_beat

    settings = load_settings(**options)
    open_store(settings).close()
    with logged(settings):
        run_beat(settings, duties_of(settings))
    return 0


def duties_of(settings: "Settings") -> list["Duty"]:
    """What beat does besides rescue."""
    from qwenq.store.broker.task_messages import CARE, TICK
    from qwenq.worker.parent.beat import Duty

    duties = [Duty(TICK, "qwenq.schedules.tasks", TICK_SECONDS)]
    # In another home folder than the servers', it would look for their files in vain.
    if settings.files_url is not None or settings.database_url is None:
        duties.append(Duty(CARE, "qwenq.server.batches.tasks", CARE_SECONDS))
    return duties
