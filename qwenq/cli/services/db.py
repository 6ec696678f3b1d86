"""`qwenq db`: the SQL store."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.ages import Age
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.pruning import PrunedJob, PruneReport


@click.group(name="db")
def command() -> None:
    """Bring the SQL store to this version, see which one it is of, or remove what is not needed any more."""


@command.command()
def upgrade() -> int:
    """Make the store's tables, or bring them to this version. Data is kept."""
    from qwenq.schemas.settings import load_settings
    from qwenq.schemas.tables.core import SCHEMA_VERSION
    from qwenq.store.database.store import Store
    from qwenq.store.database.version import upgrade_store
    from qwenq.wording.output import say

    with Store.of(load_settings()) as store:
        found = upgrade_store(store)
    if found == SCHEMA_VERSION:
        say(f"{store.url} is of version {found} already")
    else:
        say(f"{store.url}: from {found or 'nothing'} to version {SCHEMA_VERSION}")
    return 0


@command.command()
def check() -> int:
    """See whether the store is of the version that this qwenq needs."""
    from qwenq.schemas.settings import load_settings
    from qwenq.schemas.tables.core import SCHEMA_VERSION
    from qwenq.store.database.store import Store
    from qwenq.store.database.version import check_version
    from qwenq.wording.output import say

    with Store.of(load_settings()) as store:
        check_version(store)
    say(f"{store.url} is of version {SCHEMA_VERSION}, as it should be")
    return 0


@command.command()
@option("--older-than", type=Age(), metavar="AGE",
        help="Also jobs that ended so long ago, with documents and answers: 30d, 12h [default: none].")  # fmt: skip
@option("--yes", is_flag=True, help="Remove it; without, it is only told.")
@json_option
def prune(older_than: float | None, yes: bool, as_json: bool) -> int:
    """Remove half jobs, which a submit that died left behind; with --older-than also what is done and past.

    Documents go in batches, so that others work on beside it. A file of SQLite keeps its size; the space is used again.
    """
    from qwenq.actions.pruning import foresee
    from qwenq.actions.pruning import prune as remove
    from qwenq.schemas.settings import load_settings
    from qwenq.wording.output import print_json

    settings = load_settings()

    def tell(job: "PrunedJob") -> None:
        if not as_json:
            click.echo(_line(job))

    if yes:
        report = remove(settings, older_than, tell)
    else:
        report = foresee(settings, older_than)
        for job in report.jobs:
            tell(job)
    print_json(report) if as_json else _sum_up(report)
    return 0


def _line(job: "PrunedJob") -> str:
    from qwenq.wording.numbers import age

    state = f"{job.state} {age(job.finished_at)} ago" if job.finished_at else "stored by half"
    return f"job {job.id}, {state}, {job.documents:,} documents: {' '.join(job.name.split())}"


def _sum_up(report: "PruneReport") -> None:
    from qwenq.wording.output import say

    what = (
        f"{len(report.jobs):,} jobs with {report.documents:,} documents, {report.workers:,} workers "
        f"and {report.runs:,} records of scheduled runs"
    )
    if report.removed:
        say(f"removed: {what}")
    elif report.jobs or report.workers or report.runs:
        say(f"nothing is removed yet; --yes removes {what}")
    else:
        say("there is nothing to remove")
