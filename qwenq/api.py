"""qwenq's Python API: what the command line does, with typed results."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qwenq.schemas.errors import UnknownJob
from qwenq.schemas.jobs import JobFilter, JobOrder, JobStatus, Priority
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, Result
from qwenq.schemas.settings import Settings, load_settings
from qwenq.schemas.views.job_metrics import JobMetrics
from qwenq.schemas.views.job_pages import FailureReasons

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from qwenq.store.database.store import Store

POLL_SECONDS = 0.5
_ANY_JOB = JobFilter()

T = TypeVar("T")


def submit(
    files: Sequence[str | Path],
    *,
    model: str | None = None,
    template: str | None = None,
    prompt: str | None = None,
    merge_prompt: str | None = None,
    system: str | None = None,
    text_column: str = "text",
    id_column: str = "id",
    sheet: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    skip_rows: int = 0,
    columns: Sequence[str] | None = None,
    name: str | None = None,
    priority: Priority = Priority.NORMAL,
    idempotency_key: str | None = None,
    reuse: bool = False,
    follow_links: bool = False,
    allow_partial: bool = False,
    notify: Sequence[str] = (),
    settings: Settings | None = None,
    **params: Any,
) -> JobStatus:
    """Store files as a job and announce it to the workers. `params` are the fields of GenerationParams.

    A file may also be a pattern, a folder or a URL. `sheet` names a sheet of spreadsheets; "all" reads all. The layout
    of CSV and TSV files is found out, or given with `delimiter`, `encoding`, `header` (False: there is none) and
    `skip_rows`. `columns` are the columns of Parquet files to read, or "all" (default: those that the prompt names).
    With `follow_links`, links in folders are read even if they lead out of them.
    With `allow_partial`, a PDF is read without the pages that cannot be read, such as scans.
    With `on_overflow="split"`, `merge_prompt` merges the answers to the parts of a long document; some templates have
    such a prompt.
    With an `idempotency_key`, the same request is stored once: later calls return the first job, and another request
    under the same key is refused. With `reuse`, answers to identical documents of earlier jobs are reused.
    Each URL of `notify` gets a notice when the job has ended: https://…, slack:https://…, teams:https://…, mailto:…
    A broker that is away is no error: the job is announced when it is back. Raises UsageError, StoreAway.
    """
    from qwenq.actions.request import JobRequest
    from qwenq.producer.enqueuing import enqueue_input

    request = JobRequest(
        files=[str(file) for file in files],
        template=template,
        prompt=prompt,
        merge_prompt=merge_prompt,
        system=system,
        text_column=text_column,
        id_column=id_column,
        sheet=sheet,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_rows=skip_rows,
        columns=columns,
        name=name,
        priority=priority,
        idempotency_key=idempotency_key,
        reuse=reuse,
        follow_links=follow_links,
        allow_partial=allow_partial,
        notify=notify,
        params=params,
    )
    settings = _with_model(settings, model)
    enqueued = enqueue_input(
        settings,
        request.specify(settings),
        sheet=request.sheet,
        follow_links=request.follow_links,
        tables=request.tables,
        allow_partial=request.allow_partial,
    )
    return status(enqueued.job_id, settings=settings)


def status(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Return where a job stands. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.jobs.statuses import job_status

    with _store(settings) as store:
        with store.reading() as connection:
            found = job_status(connection, job_id)
        if found is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        return found


def jobs(
    limit: int = 20,
    *,
    wanted: JobFilter = _ANY_JOB,
    order: JobOrder = JobOrder.NEWEST,
    settings: Settings | None = None,
) -> list[JobStatus]:
    """Return where jobs stand: those that match, the newest first unless `order` says otherwise. Raises StoreAway."""
    from qwenq.store.views.jobs.statuses import job_statuses

    with _store(settings) as store, store.reading() as connection:
        return job_statuses(connection, limit, wanted, order)


def results(job_id: int, *, settings: Settings | None = None) -> Iterator[Result]:
    """Stream a job's answers so far, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.answers.results import results_of

    status(job_id, settings=settings)
    return _streamed(results_of, job_id, settings)


def errors(job_id: int, *, settings: Settings | None = None) -> Iterator[ErrorLine]:
    """Stream a job's failed documents and bad rows so far, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.answers.results import errors_of

    status(job_id, settings=settings)
    return _streamed(errors_of, job_id, settings)


def parts(job_id: int, *, settings: Settings | None = None) -> Iterator[PartLine]:
    """Stream the answers to the parts of a job's long documents, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.answers.parts import parts_of

    status(job_id, settings=settings)
    return _streamed(parts_of, job_id, settings)


def history(job_id: int, *, settings: Settings | None = None) -> Iterator[HistoryLine]:
    """Stream the failures of a job that were retried, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.answers.failures import history_of

    status(job_id, settings=settings)
    return _streamed(history_of, job_id, settings)


def failure_reasons(job_id: int, *, most: int = 5, settings: Settings | None = None) -> FailureReasons:
    """Return the commonest reasons why documents of a job failed so far, with counts. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.jobs import failure_reasons as reasons

    status(job_id, settings=settings)
    with _store(settings) as store, store.reading() as connection:
        return reasons.failure_reasons(connection, job_id, most)


def metrics(job_id: int, *, settings: Settings | None = None) -> JobMetrics:
    """Return what a job took so far: response time, tokens a second, memory. Raises UnknownJob, StoreAway."""
    from qwenq.store.views.jobs.metrics import job_metrics

    with _store(settings) as store:
        with store.reading() as connection:
            found = job_metrics(connection, job_id)
        if found is None:
            raise UnknownJob(job_id=job_id, store=store.url)
        return found


def cancel(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Cancel a job; workers drop its running documents in seconds. Raises UnknownJob, JobNotCancellable, StoreAway."""
    from qwenq.actions import changing

    return changing.cancel(job_id, settings or load_settings())


def pause(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Begin no more documents of a job; running ones are finished. Raises UnknownJob, JobNotPausable, StoreAway."""
    from qwenq.actions import changing

    return changing.pause(job_id, settings or load_settings())


def resume(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Let a paused job go on.

    A broker that is away is no error: the job is announced when it is back.
    Raises UnknownJob, JobNotPaused, StoreAway.
    """
    from qwenq.actions import changing

    return changing.resume(job_id, settings or load_settings()).status


def retry(job_id: int, *, codes: Sequence[str] = (), settings: Settings | None = None) -> JobStatus:
    """Run the failed documents of an ended job again: all, or those with these error codes. Bad rows stay failed.

    A broker that is away is no error: the job is announced when it is back.
    Raises UnknownJob, JobNotRetryable, NothingToRetry, StoreAway.
    """
    from qwenq.actions import changing

    return changing.retry(job_id, codes, settings or load_settings()).status


def wait(job_id: int, *, settings: Settings | None = None) -> JobStatus:
    """Wait until a job has ended, and return its status. Raises UnknownJob, StoreAway."""
    while not (found := status(job_id, settings=settings)).state.ended:
        time.sleep(POLL_SECONDS)
    return found


def _streamed(
    read: "Callable[[Connection, int], Iterator[T]]", job_id: int, settings: Settings | None
) -> Iterator[T]:
    with _store(settings) as store, store.reading() as connection:
        yield from read(connection, job_id)


def _store(settings: Settings | None) -> "Store":
    from qwenq.store.database.opening import open_made_store

    return open_made_store(settings or load_settings())


def _with_model(settings: Settings | None, model: str | None) -> Settings:
    if settings is None:
        return load_settings(model=model)
    return settings if model is None else settings.model_copy(update={"model": model})
