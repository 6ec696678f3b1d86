"""`qwenq beat`: run schedules and housekeeping on a timer."""

from typing import Any

import click

from qwenq.cli.options.log import log_options, logged
from qwenq.cli.options.sections import Command

TICK_SECONDS = 5.0
"""Between two ticks. Schedules are due by the minute."""


@click.command(name="beat", cls=Command, examples=("qwenq beat",))
@log_options
def command(**options: Any) -> int:
    """Run schedules, and put stranded work back into the queue.

    One beat is enough for all schedules and workers; several do no harm.
    """
    from qwenq.schemas.settings import load_settings
    from qwenq.store.broker.task_messages import TICK
    from qwenq.store.database.opening import open_store
    from qwenq.worker.parent.beat import Duty, run_beat

    settings = load_settings(**options)
    open_store(settings).close()
    with logged(settings):
        run_beat(settings, [Duty(TICK, "qwenq.schedules.tasks", TICK_SECONDS)])
    return 0
