"""Outcomes: written by the worker that holds the fence, read in input order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, bindparam, func, select, update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.results import ErrorLine, Failure, Result, Usage
from qwenq.schemas.states import DocumentState
from qwenq.schemas.tables.core import chunks, documents, jobs, results
from qwenq.store.life.documents import has_no_outcome, of_job
from qwenq.store.life.jobs import job_sources
from qwenq.store.outcomes.answer_rows import insert_answers
from qwenq.store.outcomes.outcome_rows import ANSWER_COLUMNS, FailureRow, OutcomeRows
from qwenq.store.views.failures import located, past_failures

PAGE_ROWS = 2_000

T = TypeVar("T")

_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "prefix_tokens")
_COUNTED = ("succeeded", "failed", "reused", *_TOKENS)
_COUNT = (
    update(chunks)
    .where(chunks.c.id == bindparam("held_chunk"))
    # Whoever gets on is no suspect: only crashes without progress point at a document.
    .values(crashes=0, **{name: chunks.c[name] + bindparam(f"more_{name}") for name in _COUNTED})
)


_NEXT_RESULTS = (
    select(
        results.c.seq,
        documents.c.custom_id,
        results.c.text,
        results.c.reasoning,
        results.c.finish_reason,
        results.c.prompt_tokens,
        results.c.completion_tokens,
        results.c.reasoning_tokens,
        results.c.prefix_tokens,
        results.c.reused_from,
        results.c.parts,
        jobs.c.model,
    )
    .join_from(
        results,
        documents,
        (documents.c.job_id == results.c.job_id) & (documents.c.seq == results.c.seq),
    )
    .join(jobs, jobs.c.id == results.c.job_id)
    .where(results.c.job_id == bindparam("of_job"), results.c.seq > bindparam("after"))
    .order_by(results.c.seq)
    .limit(PAGE_ROWS)
)
_NEXT_ERRORS = (
    select(
        documents.c.seq,
        documents.c.custom_id,
        documents.c.source,
        documents.c.line,
        documents.c.error_code,
        documents.c.error_message,
    )
    .where(
        documents.c.job_id == bindparam("of_job"),
        documents.c.state == DocumentState.FAILED,
        documents.c.seq > bindparam("after"),
    )
    .order_by(documents.c.seq)
    .limit(PAGE_ROWS)
)


def insert_outcomes(connection: Connection, claim: Claim, outcomes: OutcomeRows) -> int:
    """Write outcomes, each document's first only. Returns how many these were. The caller holds the fence.

    Counters follow what changed in fact, so that they never drift from the documents.
    """
    answers = insert_answers(connection, claim, outcomes.answers)
    failed = _settle_failed(connection, claim, outcomes.failures)
    if not answers and not failed:
        return 0
    columns = dict(zip(ANSWER_COLUMNS, zip(*answers, strict=True), strict=True)) if answers else {}
    more = {f"more_{name}": sum(columns.get(name, ())) for name in _TOKENS}
    reused = sum(job_id is not None for job_id in columns.get("reused_from", ()))
    counts = {"more_succeeded": len(answers), "more_failed": failed, "more_reused": reused}
    connection.execute(_COUNT, {"held_chunk": claim.chunk_id, **counts, **more})
    return len(answers) + failed


def _settle_failed(connection: Connection, claim: Claim, failures: Sequence[FailureRow]) -> int:
    if not failures:
        return 0
    return connection.execute(
        update(documents)
        .where(
            of_job(claim.job_id),
            documents.c.seq == bindparam("failed_seq"),
            has_no_outcome(),
        )
        .values(
            state=DocumentState.FAILED,
            error_code=bindparam("code"),
            error_message=bindparam("message"),
        ),
        [
            {"failed_seq": failure.seq, "code": failure.code, "message": failure.message}
            for failure in failures
        ],
    ).rowcount


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some lines in input order; `last` is the place of the last one's document."""

    lines: list[T]
    last: int


def results_of(connection: Connection, job_id: int) -> Iterator[Result]:
    """A job's answers in input order, a page of rows in memory at a time."""
    return _all_pages(partial(results_after, connection, job_id))


def results_after(connection: Connection, job_id: int, after: int) -> Page[Result]:
    """The next answers of a job behind a place in its input; none when there are no more."""
    rows = connection.execute(_NEXT_RESULTS, {"of_job": job_id, "after": after}).all()
    return Page([_as_result(row) for row in rows], rows[-1].seq if rows else after)


def errors_of(connection: Connection, job_id: int) -> Iterator[ErrorLine]:
    """A job's failed documents in input order, a page of rows in memory at a time.

    Of a job with several inputs, the message begins with the name of the one that `line` counts in.
    """
    return _all_pages(partial(errors_after, connection, job_id))


def errors_after(connection: Connection, job_id: int, after: int) -> Page[ErrorLine]:
    """The next failed documents of a job behind a place in its input; none when there are no more."""
    rows = connection.execute(_NEXT_ERRORS, {"of_job": job_id, "after": after}).all()
    if not rows:
        return Page([], after)
    sources = job_sources(connection, job_id)
    earlier = past_failures(connection, job_id, [row.seq for row in rows])
    lines = []
    for row in rows:
        past = earlier.get(row.seq, ())
        lines.append(
            ErrorLine(
                custom_id=row.custom_id,
                line=row.line,
                error=Failure(row.error_code, located(row.error_message, row.source, sources)),
                attempts=0 if row.custom_id is None else len(past) + 1,
                earlier=past,
            )
        )
    return Page(lines, rows[-1].seq)


def _all_pages(page_after: Callable[[int], Page[T]]) -> Iterator[T]:
    after = -1
    while (page := page_after(after)).lines:
        yield from page.lines
        after = page.last


def _as_result(row: Any) -> Result:
    usage = Usage(row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.prefix_tokens)
    return Result(
        custom_id=row.custom_id,
        text=row.text,
        reasoning=row.reasoning,
        finish_reason=row.finish_reason,
        usage=usage,
        model=row.model,
        reused=row.reused_from is not None,
        parts=row.parts,
    )


def count_answers(connection: Connection, job_id: int) -> int:
    """How many answers a job has."""
    counted: int = connection.execute(
        select(func.count()).select_from(results).where(results.c.job_id == job_id)
    ).scalar_one()
    return counted
