"""`qwenq status`: show where jobs stand."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.completion import complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option
from qwenq.schemas.states import JobState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwenq.actions.rescuing import Rescuer
    from qwenq.schemas.jobs import JobFilter, JobStatus
    from qwenq.schemas.settings import Settings

_ORDERS = ("newest", "oldest", "finished", "name")
"""JobOrder, whose module takes longer to import than the help to show."""


@click.command(
    name="status",
    cls=Command,
    examples=("qwenq status", "qwenq status 7 --watch", "qwenq status --state running"),
)
@click.argument("job", type=int, required=False, shell_complete=complete_jobs)
@option("--watch", is_flag=True, help="Follow the job to its end.")
@option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many jobs to show.",
)
@option("--state", type=click.Choice([state.value for state in JobState]), help="Only jobs in this state.")
@option("--for-model", "model", metavar="MODEL", help="Only jobs for this model.")
@option("--named", metavar="PART", help="Only jobs with this part in their names, in any case.")
@option("--order", type=click.Choice(_ORDERS), default=_ORDERS[0], show_default=True,
        help="Which jobs come first; finished: those that ended last.")  # fmt: skip
@json_option
def command(
    job: int | None, watch: bool, limit: int, state: str | None, model: str | None, named: str | None, order: str,
    as_json: bool,
) -> int:  # fmt: skip
    """Show where JOB stands, or the newest jobs. Also puts stranded documents back into the queue."""
    from qwenq.actions.rescuing import Rescuer
    from qwenq.cli.options.settings import read_settings
    from qwenq.embedded.interrupted import say_kept
    from qwenq.schemas.errors import NoStoreHere
    from qwenq.schemas.jobs import JobFilter
    from qwenq.wording.output import print_json, say

    wanted = JobFilter(state=JobState(state) if state else None, model=model, name=named)
    _check_selection(job, watch, wanted)
    settings = read_settings()
    if job is None:
        say_kept(settings)
    rescuer = Rescuer(settings)
    try:
        rescuer.put_back()
    except NoStoreHere as absent:
        if job is not None:
            raise
        say(str(absent))
        if as_json:
            print_json(())
        return 0
    if job is None:
        _list(wanted, order, limit, settings, as_json)
    else:
        _show(job, rescuer, settings, watch, as_json)
    # Last, because a broker that is away takes seconds to fail.
    if away := rescuer.announce():
        say(f"some waiting documents are not announced to workers yet: {away}")
    return 0


def _check_selection(job: int | None, watch: bool, wanted: "JobFilter") -> None:
    if job is None and watch:
        raise click.UsageError("--watch needs a JOB")
    if job is not None and wanted:
        raise click.UsageError("--state, --for-model and --named select among all jobs: leave out JOB")


def _list(wanted: "JobFilter", order: str, limit: int, settings: "Settings", as_json: bool) -> None:
    from qwenq import api
    from qwenq.schedules.troubles import troubles
    from qwenq.schemas.jobs import JobOrder
    from qwenq.store.database.store import shown_address
    from qwenq.wording.jobs import show_jobs
    from qwenq.wording.output import print_json, say

    found = api.jobs(limit, wanted=wanted, order=JobOrder(order), settings=settings)
    if as_json:
        print_json(found)
    elif wanted and not found:
        say("no job matches")
    else:
        show_jobs(found, shown_address(settings))
    for line in [*_unserved(settings), *_failures(found), *_loading(found), *troubles(settings)]:
        say(line)


def _show(job: int, rescuer: "Rescuer", settings: "Settings", watch: bool, as_json: bool) -> None:
    from qwenq import api
    from qwenq.actions.standing import why_still
    from qwenq.schedules.troubles import troubles_of_job
    from qwenq.wording.jobs import show_job
    from qwenq.wording.outcomes import SHOWN_REASONS, answers_to_look_at, codes_in_words, reasons_in_lines
    from qwenq.wording.output import print_json, say, show

    status = api.status(job, settings=settings)
    if watch:
        from qwenq.actions.following import follow

        status = follow(lambda: api.status(job, settings=settings), rescuer.look_sometimes)
    if as_json:
        print_json(status)
    else:
        show_job(status)
        for sentence in answers_to_look_at(status.documents):
            show(sentence)
        if status.documents.failed:
            reasons = api.failure_reasons(job, most=SHOWN_REASONS, settings=settings)
            show(f"failed     {codes_in_words(reasons)}")
            show(f"           `qwenq results {job} --errors FILE` writes all of them; the commonest reasons:")
            for reason in reasons_in_lines(reasons):
                show(f"  {reason}")
    why = why_still(status, settings)
    for line in [*([why] if why else _unserved(settings, job)), *troubles_of_job(settings, job)]:
        say(line)


def _loading(found: "Sequence[JobStatus]") -> list[str]:
    """A sentence for each model that jobs wait for while a worker downloads or loads it."""
    from qwenq.wording.jobs import named_jobs
    from qwenq.wording.workers import how_far

    waiting = [job for job in found if job.loading is not None]
    return [
        f"{named_jobs([job.id for job in waiting if job.model == model])} of {model}: a worker is {how_far(progress)}"
        for model, progress in {job.model: job.loading for job in waiting}.items()
        if progress is not None
    ]


def _failures(found: "Sequence[JobStatus]") -> list[str]:
    """A sentence for each model that jobs wait for and whose last worker failed."""
    from qwenq.wording.workers import last_failed

    failures = {job.model: job.worker_failure for job in found if job.worker_failure is not None}
    return [f"{model}: {last_failed(reason)}" for model, reason in failures.items()]


def _unserved(settings: "Settings", only: int | None = None) -> list[str]:
    """A sentence for each model that jobs wait for and no live worker has; with `only`, for that job's model."""
    from qwenq.actions.unserved import unserved_jobs
    from qwenq.wording.jobs import named_jobs
    from qwenq.wording.workers import command_here, start_a_worker

    return [
        f"{named_jobs(jobs)}: {start_a_worker(model, command_here(settings))}"
        for model, jobs in unserved_jobs(settings).items()
        if only is None or only in jobs
    ]
