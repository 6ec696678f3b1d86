"""`qwenq submit`: store files as a job for the workers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwenq.cli.options.completion import complete_files
from qwenq.cli.options.job import job_options, notify_option
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.actions.request import JobRequest
    from qwenq.producer.enqueuing import EnqueuedJob
    from qwenq.schemas.jobs import JobStatus
    from qwenq.schemas.settings import Settings


@click.command(
    name="submit",
    cls=Command,
    examples=("qwenq submit reviews.csv --model Qwen/Qwen3-8B --prompt 'Summarise: {{ text }}' --wait",),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_files)
@job_options
@option("--idempotency-key", metavar="KEY",
        help="A name for this request; submitted again, it gives the first job instead of a new one.")  # fmt: skip
@notify_option
@option("--wait", is_flag=True, help="Wait until the job has ended; exit code 1 when documents failed.")
@json_option
def command(files: tuple[str, ...], dry_run: bool, wait: bool, as_json: bool, **options: Any) -> int:
    """Store FILEs as one job for the workers. Prints the job's id.

    FILE is a file, a quoted pattern, a folder or a URL: of rows (JSONL, CSV, TSV, Parquet, .xlsx) or of
    documents (text, HTML, PDF, .docx); - is standard input.
    """
    from qwenq.cli.options.requests import read_request, show_preview
    from qwenq.cli.options.settings import read_settings

    settings = read_settings(model=options.pop("model"))
    price = options.pop("gpu_hour_price")
    request = read_request(files, options)
    if dry_run:
        return show_preview(request, settings, as_json, price)
    return _submit(request, settings, wait, as_json)


def _submit(request: "JobRequest", settings: "Settings", wait: bool, as_json: bool) -> int:
    from qwenq.actions.following import RowCount
    from qwenq.producer.enqueuing import Listener, enqueue_input
    from qwenq.producer.signals import end_process_with
    from qwenq.store.database.opening import is_absent
    from qwenq.store.database.store import shown_address
    from qwenq.wording.output import is_terminal, say
    from qwenq.wording.sampling import say_sampling
    from qwenq.wording.workers import new_store

    stored: list[int] = []
    count = RowCount()
    is_new = is_absent(settings)

    def show_stored(job_id: int) -> None:
        count.end()
        stored.append(job_id)
        if not as_json:
            click.echo(job_id)

    def show_waiting(job_id: int) -> None:
        say(f"job {job_id} has this idempotency key and is still being stored; waiting for it")

    spec = request.specify(settings)
    say_sampling(spec, in_full=is_terminal())
    if Path(spec.model).is_dir():
        # Its files tell at once. Those of the workers' machines may be others, so it is no refusal.
        _say_if_unavailable(spec.model)
    try:
        with count:
            enqueued = enqueue_input(
                settings, spec, request.format, request.sheet,
                Listener(count.show, show_stored, show_waiting, say), follow_links=request.follow_links,
                tables=request.tables,
                allow_partial=request.allow_partial,
            )  # fmt: skip
        if is_new:
            say(new_store(shown_address(settings)))
        code = _show_enqueued(enqueued, settings, wait, as_json)
        # Everything is said: a later signal must not make the command look interrupted.
        end_process_with(code)
    except KeyboardInterrupt:
        for job_id in stored:
            say(f"job {job_id} is stored and goes on; `qwenq cancel {job_id}` stops it")
        raise
    return code


def _show_enqueued(enqueued: "EnqueuedJob", settings: "Settings", wait: bool, as_json: bool) -> int:
    """Show what a person should know about a stored job, and wait for it if asked. Returns the exit code."""
    from qwenq import api
    from qwenq.actions.following import follow
    from qwenq.wording.numbers import counted, number
    from qwenq.wording.outcomes import SHOWN_REASONS, say_outcomes
    from qwenq.wording.output import is_terminal, print_json, say
    from qwenq.wording.workers import command_here, start_a_worker, up_command

    if enqueued.repeated:
        say(f"job {enqueued.job_id} was stored before with this idempotency key; nothing is stored again")
    if enqueued.rejected:
        bad = f"{counted(enqueued.rejected, 'bad row')} of {number(enqueued.documents)}"
        say(f"{bad}; `qwenq results` writes why")
    status = api.status(enqueued.job_id, settings=settings)
    if status.state == "cancelled":
        say(f"job {enqueued.job_id} was cancelled meanwhile")
    elif enqueued.unannounced and command_here(settings) is up_command:
        home = settings.home.absolute()
        say(
            f"the job is stored, and starts once `{up_command(status.model)}` runs with this home folder: {home}"
        )
    elif enqueued.unannounced:
        say(f"the job is stored, and starts once the broker is back: {enqueued.unannounced}")
    elif not enqueued.workers:
        say(start_a_worker(status.model))
    _say_if_unserved(enqueued, status)
    if not wait and is_terminal():
        say(
            f"`qwenq status {status.id} --watch` follows it, `qwenq results {status.id} -o FILE` writes its answers"
        )
    if wait:
        status = follow(lambda: api.status(enqueued.job_id, settings=settings), lambda: None)
        reasons = api.failure_reasons(enqueued.job_id, most=SHOWN_REASONS, settings=settings)
        say_outcomes(
            status.documents, reasons, f"`qwenq results {status.id} --errors FILE` writes all of them"
        )
    if as_json:
        print_json(status)
    failed = wait and (status.documents.failed or status.documents.cancelled)
    return 1 if failed or status.state == "cancelled" else 0


def _say_if_unserved(enqueued: "EnqueuedJob", status: "JobStatus") -> None:
    """Warn of a hub model that no worker has and that cannot be had here; a folder was looked at before."""
    if not (enqueued.workers or status.state.ended or Path(status.model).is_dir()):
        _say_if_unavailable(status.model)


def _say_if_unavailable(model: str) -> None:
    """Warn of a model that cannot be had here: with a slip in its name, the job would wait for ever."""
    from qwenq.schemas.errors import ModelUnavailable
    from qwenq.wording.output import say
    from qwenq.worker.engines.factory import check_available

    try:
        check_available(model)
    except ModelUnavailable as error:
        say(f"on this machine: {error}")
