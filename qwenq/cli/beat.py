"""`qwenq beat`: housekeeping on a timer."""

import click


@click.command(name="beat")
def command() -> int:
    """Look for stranded work on a timer: beat, and the small worker that does what it says, in one process tree.

    Workers do this too; beat matters while none runs. Any number of beats does no harm.
    """
    from qwenq.stores import open_store
    from schemas.settings import load_settings
    from worker.command import run_beat

    settings = load_settings()
    open_store(settings).close()
    run_beat(settings)
    return 0
