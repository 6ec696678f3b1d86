"""Following a job to its end: a progress bar on a terminal, a line now and then in a pipe."""

import time
from collections.abc import Callable, Iterable, Iterator

from qwenq.schemas.documents import Row
from qwenq.schemas.jobs import JobStatus
from qwenq.wording.jobs import how_to_resume, job_line
from qwenq.wording.output import is_terminal, say
from qwenq.worker.patience import retrying_store

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 900.0
LINE_EVERY_SECONDS = 10.0
BAR_EVERY_SECONDS = 0.2
LOOK_EVERY_ROWS = 1_000


def follow(poll: Callable[[], JobStatus], watch: Callable[[], None]) -> JobStatus:
    """Show a job's progress until it has ended. `watch` is called at each look, and may raise to end it."""

    def patient_poll() -> JobStatus:
        # A store that restarts must not end what waits for it: the workers wait too.
        return retrying_store(PATIENCE_SECONDS, _say_away)(poll)

    return _follow_with_bar(patient_poll, watch) if is_terminal() else _follow_with_lines(patient_poll, watch)


def count_rows(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows; says how many went by while they are stored, or compared."""
    if is_terminal():
        from rich.console import Console

        with Console(stderr=True).status("reading documents") as line:
            yield from _counted(rows, BAR_EVERY_SECONDS, line.update)
    else:
        yield from _counted(rows, LINE_EVERY_SECONDS, say)


def _say_away(reason: str, again_in_seconds: float) -> None:
    say(f"{reason} Tried again in {again_in_seconds:.1f} s.")


def _counted(rows: Iterable[Row], every_seconds: float, tell: Callable[[str], None]) -> Iterator[Row]:
    began = told = time.monotonic()
    for count, row in enumerate(rows, start=1):
        yield row
        if count % LOOK_EVERY_ROWS == 0 and time.monotonic() - told >= every_seconds:
            told = time.monotonic()
            tell(f"{count:,} documents read, {count / (told - began):,.0f} a second")


def _follow_with_bar(poll: Callable[[], JobStatus], watch: Callable[[], None]) -> JobStatus:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TextColumn("{task.fields[speed]}"),
        TextColumn("ETA"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), expand=True) as bar:
        status = poll()
        shown = bar.add_task("", total=status.documents.total, speed="")
        while True:
            bar.update(
                shown,
                completed=status.documents.done,
                total=status.documents.total,
                description=_describe(status),
                speed=_speed(status, bar.tasks[0].speed),
            )
            if status.state.ended:
                return status
            time.sleep(POLL_SECONDS)
            watch()
            status = poll()


def _follow_with_lines(poll: Callable[[], JobStatus], watch: Callable[[], None]) -> JobStatus:
    said_at, said = 0.0, ""
    while True:
        status = poll()
        line = job_line(status)
        if status.state.ended or (time.monotonic() - said_at >= LINE_EVERY_SECONDS and line != said):
            say(line)
            said_at, said = time.monotonic(), line
        if status.state.ended:
            return status
        watch()
        time.sleep(POLL_SECONDS)


def _describe(status: JobStatus) -> str:
    if status.state == "queued":
        return f"job {status.id} waits for a worker that has the model loaded"
    if status.state == "paused":
        return f"job {status.id} is paused; {how_to_resume(status)}"
    failed = f", {status.documents.failed:,} failed" if status.documents.failed else ""
    return f"job {status.id}{failed}"


def _speed(status: JobStatus, documents_per_second: float | None) -> str:
    tokens = status.tokens_per_second
    return "".join(
        (
            f"{_brief(documents_per_second)} documents/s " if documents_per_second else "",
            f"{_brief(tokens)} tokens/s" if tokens else "",
        )
    )


def _brief(rate: float) -> str:
    return f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}"  # noqa: PLR2004 - a digit more where it says something
