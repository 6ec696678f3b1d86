"""`qwenq db`: the SQL store."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.ages import Age
from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.views.pruning import PrunedJob, PruneReport


@click.group(name="db", cls=Group)
def command() -> None:
    """Upgrade, check or prune the SQL store."""


@command.command(examples=("qwenq db upgrade",))
def upgrade() -> int:
    """Make the store's tables, or upgrade them to this version. Data is kept."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.tables.core import SCHEMA_VERSION
    from qwenq.store.database.store import Store
    from qwenq.store.database.version import upgrade_store
    from qwenq.wording.output import say

    with Store.of(read_settings()) as store:
        found = upgrade_store(store)
    if found == SCHEMA_VERSION:
        say(f"{store.url} has version {found} already")
    else:
        say(
            f"{store.url}: upgraded from {f'version {found}' if found else 'no tables'} to version {SCHEMA_VERSION}"
        )
    return 0


@command.command(examples=("qwenq db check",))
def check() -> int:
    """Check that the store has the version that this qwenq needs."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.tables.core import SCHEMA_VERSION
    from qwenq.store.database.opening import open_made_store
    from qwenq.wording.output import say

    with open_made_store(read_settings()) as store:
        pass
    say(f"{store.url} has version {SCHEMA_VERSION}, as this qwenq needs")
    return 0


@command.command(examples=("qwenq db prune --older-than 30d", "qwenq db prune --older-than 30d --yes"))
@option("--older-than", type=Age(), metavar="AGE",
        help="Also remove jobs that ended this long ago, with all their data, and what was left by a `qwenq run` "
        "that was interrupted this long ago: 30d, 12h [default: none].")  # fmt: skip
@option("--yes", is_flag=True, help="Remove; without it, only show what would be removed.")
@json_option
def prune(older_than: float | None, yes: bool, as_json: bool) -> int:
    """Remove half-stored jobs that a dead submit left; with --older-than also old jobs, workers and runs.

    Documents are removed in batches, so others can go on working. An SQLite file keeps its size and reuses the space.
    """
    from qwenq.cli.options.settings import read_settings
    from qwenq.embedded.pruning import foresee
    from qwenq.embedded.pruning import prune as remove
    from qwenq.wording.output import print_json, show

    settings = read_settings()

    def show_job(job: "PrunedJob") -> None:
        if not as_json:
            show(_line(job))

    if yes:
        report = remove(settings, older_than, show_job)
    else:
        report = foresee(settings, older_than)
        for job in report.jobs:
            show_job(job)
    if not as_json:
        for one_shot in report.one_shots:
            show(f"interrupted `qwenq run` {one_shot}")
    print_json(report) if as_json else _sum_up(report)
    return 0


def _line(job: "PrunedJob") -> str:
    from qwenq.wording.numbers import age, counted

    state = f"{job.state} {age(job.finished_at)} ago" if job.finished_at else "half stored"
    return f"job {job.id}, {state}, {counted(job.documents, 'document')}: {' '.join(job.name.split())}"


def _sum_up(report: "PruneReport") -> None:
    from qwenq.wording.numbers import counted
    from qwenq.wording.output import say

    what = (
        f"{counted(len(report.jobs), 'job')} with {counted(report.documents, 'document')}, "
        f"{counted(report.workers, 'worker')}, {counted(report.runs, 'run')} of schedules and "
        f"{counted(len(report.one_shots), 'interrupted `qwenq run`')}"
    )
    if report.removed:
        say(f"removed: {what}")
    elif report.jobs or report.workers or report.runs or report.one_shots:
        say(f"nothing was removed; --yes removes {what}")
    else:
        say("there is nothing to remove")
