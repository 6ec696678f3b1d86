"""How the command line speaks: tables and progress for people, one JSON document for programs."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import orjson
from pydantic import BaseModel

from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.results import Result
from qwenq.schemas.states import JobState

# The name comes last: letters of some scripts are wider than others, and would push what follows aside.
_JOB_COLUMNS = {
    "job": ">", "state": "<", "documents": ">", "done": ">", "failed": ">", "tokens/s": ">", "age": ">", "name": "<",
}  # fmt: skip


def say(text: str) -> None:
    """Say something to a person: on stderr, so that stdout holds only what was asked for."""
    click.echo(text, err=True)


def tell_json(told: BaseModel | Sequence[BaseModel]) -> None:
    """One JSON document on stdout."""
    value = (
        told.model_dump(mode="json")
        if isinstance(told, BaseModel)
        else [one.model_dump(mode="json") for one in told]
    )
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def job_line(job: JobStatus) -> str:
    """One job in one line, for a log or a pipe."""
    documents = job.documents
    parts = [
        f"job {job.id} {job.state}",
        f"{documents.done:,} of {documents.total:,} documents",
    ]
    if documents.failed:
        parts.append(f"{documents.failed:,} failed")
    if documents.cancelled:
        parts.append(f"{documents.cancelled:,} cancelled")
    if job.tokens_per_second:
        parts.append(f"{job.tokens_per_second:,.0f} tokens/s")
    if job.state != JobState.PAUSED:
        return ", ".join(parts)
    if documents.running:
        parts.append(f"{documents.running:,} still in work")
    return f"{', '.join(parts)}; {how_to_resume(job)}"


def how_to_resume(job: JobStatus) -> str:
    """What lets a paused job go on."""
    return f"`qwenq resume {job.id}` lets it go on"


def age(moment: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def is_terminal() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr.isatty()


def show_jobs(jobs: Sequence[JobStatus]) -> None:
    """Several jobs as a table on stdout, quickly: importing rich would take a tenth of the whole command."""
    if not jobs:
        say("there is no job yet; `qwenq submit` makes one")
        return
    rows = [tuple(_JOB_COLUMNS), *map(_job_row, jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        cells = zip(row, _JOB_COLUMNS.values(), widths, strict=True)
        line = "  ".join(f"{cell:{align}{width}}" for cell, align, width in cells)
        click.secho(line.rstrip(), bold=place == 0)


def _job_row(job: JobStatus) -> tuple[str, ...]:
    counts = job.documents
    return (
        str(job.id), job.state, f"{counts.total:,}", f"{counts.done:,}", f"{counts.failed:,}",
        _number(job.tokens_per_second), age(job.created_at), " ".join(job.name.split()),
    )  # fmt: skip


def show_job(job: JobStatus) -> None:
    """One job on stdout, a fact a line."""
    counts, usage = job.documents, job.usage
    reused = f", {counts.reused:,} of them reused" if counts.reused else ""
    facts = {
        "job": f"{job.id} ({job.name})",
        "state": f"{job.state}; {how_to_resume(job)}" if job.state == JobState.PAUSED else job.state,
        "model": job.model,
        "documents": f"{counts.total:,}: {counts.pending:,} pending, {counts.running:,} running, "
        f"{counts.succeeded:,} succeeded{reused}, {counts.failed:,} failed, {counts.cancelled:,} cancelled",
        "tokens": f"{usage.prompt_tokens:,} prompt, {usage.completion_tokens:,} completion, "
        f"of these {usage.reasoning_tokens:,} reasoning",
        "submitted": job.submitter or "-",
        "speed": f"{_number(job.tokens_per_second)} tokens/s",
        "created": _moment(job.created_at),
        "started": _moment(job.started_at),
        "finished": _moment(job.finished_at),
    }
    for name, fact in facts.items():
        click.echo(f"{name:10} {fact}")


def show_answers(job: JobStatus, results: Sequence[Result]) -> None:
    """A short table of answers on stderr, and what it took to get them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("document", no_wrap=True)
    table.add_column("answer", no_wrap=True, overflow="ellipsis")
    table.add_column("tokens", justify="right")
    for result in results:
        answer = " ".join(result.text.split())
        table.add_row(Text(result.custom_id), Text(answer), str(result.usage.completion_tokens))
    Console(stderr=True).print(table)
    counts = job.documents
    say(
        f"{counts.succeeded:,} of {counts.total:,} documents answered, "
        f"{job.usage.completion_tokens:,} tokens, {_number(job.tokens_per_second)} tokens/s"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC, {age(moment)} ago"
