"""A job's answers and failures, in input order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, bindparam, func, select

from qwenq.schemas.results import ErrorLine, Failure, Result, Usage
from qwenq.schemas.states import StoredDocumentState
from qwenq.schemas.tables.core import documents, jobs, results
from qwenq.store.views.answers.failures import located, past_failures
from qwenq.store.views.answers.stored_rows import stored_rows
from qwenq.store.views.jobs.details import job_sources

PAGE_ROWS = 2_000


T = TypeVar("T")
L = TypeVar("L", Result, ErrorLine)


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
        documents.c.shown_id,
        documents.c.source,
        documents.c.line,
        documents.c.error_code,
        documents.c.error_message,
    )
    .where(
        documents.c.job_id == bindparam("of_job"),
        documents.c.state == StoredDocumentState.FAILED,
        documents.c.seq > bindparam("after"),
    )
    .order_by(documents.c.seq)
    .limit(PAGE_ROWS)
)


@dataclass(frozen=True, slots=True)
class PageOfLines(Generic[T]):
    """Some lines in input order; `last` is the seq of the last line's document, `seqs` are those of all."""

    lines: list[T]
    last: int
    seqs: Sequence[int] = ()


def results_of(connection: Connection, job_id: int, *, with_rows: bool = False) -> Iterator[Result]:
    """A job's answers in input order, with a page of rows in memory at a time; on request each with its document."""
    pages = _all_pages(partial(results_after, connection, job_id))
    return _with_rows(connection, job_id, pages) if with_rows else _lines(pages)


def results_after(connection: Connection, job_id: int, after: int) -> PageOfLines[Result]:
    """The next page of a job's answers after the document `after`; empty at the end."""
    rows = connection.execute(_NEXT_RESULTS, {"of_job": job_id, "after": after}).all()
    lines = [_as_result(row) for row in rows]
    return PageOfLines(lines, rows[-1].seq if rows else after, [row.seq for row in rows])


def errors_of(connection: Connection, job_id: int, *, with_rows: bool = False) -> Iterator[ErrorLine]:
    """A job's failed documents in input order, with a page of rows in memory at a time; on request each with its row.

    With several input files, the message begins with the name of the file that `line` counts in.
    """
    pages = _all_pages(partial(errors_after, connection, job_id))
    return _with_rows(connection, job_id, pages) if with_rows else _lines(pages)


def errors_after(connection: Connection, job_id: int, after: int) -> PageOfLines[ErrorLine]:
    """The next page of a job's failed documents after the document `after`; empty at the end."""
    rows = connection.execute(_NEXT_ERRORS, {"of_job": job_id, "after": after}).all()
    if not rows:
        return PageOfLines([], after)
    sources = job_sources(connection, job_id)
    earlier = past_failures(connection, job_id, [row.seq for row in rows])
    lines = []
    for row in rows:
        past = earlier.get(row.seq, ())
        lines.append(
            ErrorLine(
                custom_id=row.shown_id if row.custom_id is None else row.custom_id,
                line=row.line,
                error=Failure(row.error_code, located(row.error_message, row.source, sources)),
                attempts=0 if row.custom_id is None else len(past) + 1,
                earlier=past,
            )
        )
    return PageOfLines(lines, rows[-1].seq, [row.seq for row in rows])


def _all_pages(page_after: Callable[[int], PageOfLines[T]]) -> Iterator[PageOfLines[T]]:
    after = -1
    while (page := page_after(after)).lines:
        yield page
        after = page.last


def _lines(pages: Iterable[PageOfLines[T]]) -> Iterator[T]:
    return chain.from_iterable(page.lines for page in pages)


def with_documents(connection: Connection, job_id: int, page: PageOfLines[L]) -> PageOfLines[L]:
    """The page's lines, each with its document."""
    rows = stored_rows(connection, job_id, page.seqs) if page.lines else ()
    lines = [line.model_copy(update={"row": row}) for line, row in zip(page.lines, rows, strict=True)]
    return PageOfLines(lines, page.last, page.seqs)


def _with_rows(connection: Connection, job_id: int, pages: Iterable[PageOfLines[L]]) -> Iterator[L]:
    """The lines, each with its document."""
    return _lines(with_documents(connection, job_id, page) for page in pages)


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
    """Count a job's answers."""
    counted: int = connection.execute(
        select(func.count()).select_from(results).where(results.c.job_id == job_id)
    ).scalar_one()
    return counted
