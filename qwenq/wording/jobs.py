"""How jobs are worded: one line for a log, a table for several, a fact a line for one, a table of its answers."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from qwenq.schemas.jobs import JobStatus, LastChange
from qwenq.schemas.log.visible import visible_line
from qwenq.schemas.results import Result
from qwenq.schemas.states import JobChange, JobState
from qwenq.wording.numbers import UNKNOWN, age, counted, duration, moment, number
from qwenq.wording.output import say, show
from qwenq.wording.workers import how_far, last_failed

if TYPE_CHECKING:
    from rich.table import Table

# The name comes last: letters of some scripts are wider than others, and would push the next column aside.
_JOB_COLUMNS = {
    "job": ">", "state": "<", "documents": ">", "done": ">", "failed": ">", "tokens/s": ">", "age": ">", "name": "<",
}  # fmt: skip


def job_line(job: JobStatus) -> str:
    """One job in one line, for a log or a pipe."""
    documents = job.documents
    parts = [
        f"job {job.id} {job.state}",
        f"{number(documents.done)} of {counted(documents.total, 'document')}",
    ]
    if documents.total and not job.state.ended:
        parts[-1] += f" ({job.percent} %)"
    if documents.failed:
        parts.append(f"{number(documents.failed)} failed")
    if documents.cancelled:
        parts.append(f"{number(documents.cancelled)} cancelled")
    if job.stands_still:
        parts.append(f"has not moved for {duration(job.still_seconds)}")
    elif job.tokens_per_second:
        parts.append(f"{number(job.tokens_per_second)} tokens/s")
    if job.seconds_left is not None:
        parts.append(f"about {duration(job.seconds_left)} left")
    parts += _of_worker(job)
    if job.state != JobState.PAUSED:
        return ", ".join(parts)
    if documents.running:
        # Their number falls at once: workers release those that they have not begun.
        parts.append("workers finish the documents that they have begun")
    return f"{', '.join(parts)}; {how_to_resume(job)}"


def _of_worker(job: JobStatus) -> list[str]:
    """What a job waits for that needs a worker with its model."""
    loading = [] if job.loading is None else [how_far(job.loading)]
    return loading if job.worker_failure is None else [*loading, last_failed(job.worker_failure)]


def how_to_resume(job: JobStatus) -> str:
    """The command that lets a paused job go on."""
    if job.last_change is not None and job.last_change.change == JobChange.HELD:
        return (
            f"{job.last_change.by} paused it, since its answers so far are of other weights of the model: "
            f"`qwenq resume {job.id}` goes on with both; to begin anew, cancel it and submit it again"
        )
    return f"`qwenq resume {job.id}` lets it go on"


def named_jobs(job_ids: Sequence[int], most: int = 5) -> str:
    """Jobs by their ids, lowest first: `job 3`, `jobs 3, 4, …`. At most `most` ids are named."""
    ids = ", ".join(map(str, sorted(job_ids)[:most]))
    return f"job {ids}" if len(job_ids) == 1 else f"jobs {ids}{', …' if len(job_ids) > most else ''}"


def show_jobs(jobs: Sequence[JobStatus], store: str) -> None:
    """Print several jobs of a store as a table on stdout. Without rich, whose import takes a tenth of the command."""
    if not jobs:
        say(f"there is no job in {store} yet; `qwenq submit` makes one")
        return
    rows = [tuple(_JOB_COLUMNS), *map(_job_row, jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        cells = zip(row, _JOB_COLUMNS.values(), widths, strict=True)
        line = "  ".join(f"{cell:{align}{width}}" for cell, align, width in cells)
        show(line.rstrip(), bold=place == 0)


def _job_row(job: JobStatus) -> tuple[str, ...]:
    counts = job.documents
    return (
        str(job.id), job.state, number(counts.total), number(counts.done), number(counts.failed),
        number(None if job.stands_still else job.tokens_per_second), age(job.created_at), " ".join(job.name.split()),
    )  # fmt: skip


def show_job(job: JobStatus) -> None:
    """Print one job on stdout, a fact a line."""
    counts, usage = job.documents, job.usage
    reused = f", {number(counts.reused)} of them reused" if counts.reused else ""
    facts = {
        "job": f"{job.id} ({job.name})",
        "state": _state_and_why(job),
        "model": job.model,
        **({"template": job.template} if job.template else {}),
        "sampling": job.sampling,
        "documents": f"{number(counts.total)}: {number(counts.pending)} pending, {number(counts.running)} running, "
        f"{number(counts.succeeded)} succeeded{reused}, {number(counts.failed)} failed, "
        f"{number(counts.cancelled)} cancelled",
        "done": f"{job.percent} %",
        **({} if job.seconds_left is None else {"time left": f"about {duration(job.seconds_left)}"}),
        "tokens": f"{number(usage.prompt_tokens)} prompt, {number(usage.completion_tokens)} completion "
        f"({number(usage.reasoning_tokens)} of them reasoning)",
        "submitter": job.submitter or UNKNOWN,
        "speed": "none" if job.stands_still else f"{number(job.tokens_per_second)} tokens/s",
        "created": _moment_and_age(job.created_at),
        "started": _moment_and_age(job.started_at),
        "finished": _moment_and_age(job.finished_at),
        **({"changed": last_change(job.last_change)} if job.last_change else {}),
    }
    for name, fact in facts.items():
        show(f"{name:10} {fact}")


def _state_and_why(job: JobStatus) -> str:
    if job.loading is not None:
        return f"{job.state}; a worker is {how_far(job.loading)}"
    if job.worker_failure is not None:
        return f"{job.state}; {last_failed(job.worker_failure)}"
    return f"{job.state}; {how_to_resume(job)}" if job.state == JobState.PAUSED else job.state


def last_change(change: LastChange) -> str:
    """What a person last did to a job, who and when."""
    return f"{change.change} by {change.by}, {moment(change.at)}"


def show_answers(job: JobStatus, results: Sequence[Result]) -> None:
    """Print a short table of answers on stderr, and the totals of the job."""
    from rich.console import Console

    if results:
        console = Console(stderr=True)
        console.print(_answers_table(results, console.width))
    counts = job.documents
    say(
        f"{number(counts.succeeded)} of {counted(counts.total, 'document')} answered, "
        f"{counted(job.usage.completion_tokens, 'token')}, {number(job.tokens_per_second)} tokens/s"
    )


def _answers_table(results: Sequence[Result], width: int) -> "Table":
    """Answers as a table of `width` characters. Long answers are cut, and ids beyond a third of it."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    rows = [
        (
            visible_line(one.custom_id),
            visible_line(" ".join(one.text.split())),
            str(one.usage.completion_tokens),
        )
        for one in results
    ]
    longest = max(cell_len(custom_id) for custom_id, _, _ in rows)
    first = min(max(longest, len("document")), width // 3)
    last = max(len("tokens"), *(len(tokens) for _, _, tokens in rows))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("document", no_wrap=True, overflow="ellipsis", max_width=first)
    table.add_column("answer", no_wrap=True, overflow="ellipsis", max_width=max(width - first - last - 4, 8))
    table.add_column("tokens", justify="right", min_width=last)
    for custom_id, answer, tokens in rows:
        table.add_row(Text(custom_id), Text(answer), tokens)
    return table


def _moment_and_age(when: datetime | None) -> str:
    return UNKNOWN if when is None else f"{moment(when)}, {age(when)} ago"
