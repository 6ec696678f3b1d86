"""Follow a job to its end: with a progress bar on a terminal, else with a line every few seconds."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from qwenq.schemas.jobs import JobStatus
from qwenq.wording.jobs import how_to_resume, job_line
from qwenq.wording.numbers import counted, duration, number
from qwenq.wording.output import is_terminal, say
from qwenq.wording.workers import how_far, last_failed
from qwenq.worker.patience import retrying_store

if TYPE_CHECKING:
    from rich.status import Status

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 900.0
LINE_EVERY_SECONDS = 10.0
BAR_EVERY_SECONDS = 0.2
WIDE, NARROW = 100, 72
"""Columns of a terminal with room for all rates, and for tokens a second."""


def follow(poll: Callable[[], JobStatus], watch: Callable[[], None]) -> JobStatus:
    """Show a job's progress until it has ended. `watch` is called at each poll, and may raise to stop."""

    def patient_poll() -> JobStatus:
        # Wait for a store that restarts, as the workers do.
        return retrying_store(PATIENCE_SECONDS, _say_away)(poll)

    return _follow_with_bar(patient_poll, watch) if is_terminal() else _follow_with_lines(patient_poll, watch)


class RowCount:
    """Shows how many rows were read so far, until its block ends or `end` is called."""

    def __init__(self) -> None:
        self._began = self._shown_at = time.monotonic()
        self._every_seconds = BAR_EVERY_SECONDS if is_terminal() else LINE_EVERY_SECONDS
        self._line: Status | None = None

    def __enter__(self) -> Self:
        if is_terminal():
            from rich.console import Console

            self._line = Console(stderr=True).status("reading documents")
            self._line.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def end(self) -> None:
        """Clear the line, before anything is printed on stdout."""
        if self._line is not None:
            self._line.stop()

    def show(self, rows: int) -> None:
        """Show the number of rows, unless it was shown just now."""
        if time.monotonic() - self._shown_at < self._every_seconds:
            return
        self._shown_at = time.monotonic()
        text = f"{counted(rows, 'row')} read, {number(rows / (self._shown_at - self._began))} a second"
        if self._line is None:
            say(text)
        else:
            self._line.update(text)


def _say_away(reason: str, again_in_seconds: float) -> None:
    say(f"{reason} Trying again in {again_in_seconds:.1f} s.")


def _follow_with_bar(poll: Callable[[], JobStatus], watch: Callable[[], None]) -> JobStatus:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TextColumn("{task.fields[percent]} %"),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, expand=True) as bar:
        status = poll()
        shown = bar.add_task("", total=status.documents.total, percent=0, speed="", left="")
        while True:
            bar.update(
                shown,
                completed=status.documents.done,
                total=status.documents.total,
                description=_describe(status),
                percent=status.percent,
                speed=_speed(status, bar.tasks[0].speed, console.width),
                left=_time_left(status),
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
    if status.loading is not None:
        return f"job {status.id}: {how_far(status.loading)}"
    if status.worker_failure is not None:
        return f"job {status.id}: {last_failed(status.worker_failure)}"
    if status.state == "queued":
        return f"job {status.id} waits for a worker"
    if status.state == "paused":
        return f"job {status.id} is paused; {how_to_resume(status)}"
    failed = f", {number(status.documents.failed)} failed" if status.documents.failed else ""
    return f"job {status.id}{failed}"


def _time_left(status: JobStatus) -> str:
    if status.stands_still:
        return f"has not moved for {duration(status.still_seconds)}"
    return "" if status.seconds_left is None else f"{duration(status.seconds_left)} left"


def _speed(status: JobStatus, documents_per_second: float | None, columns: int) -> str:
    tokens = None if status.stands_still else status.tokens_per_second
    return "".join(
        (
            f"{number(documents_per_second)} documents/s "
            if documents_per_second and columns >= WIDE
            else "",
            f"{number(tokens)} tokens/s" if tokens and columns >= NARROW else "",
        )
    )
