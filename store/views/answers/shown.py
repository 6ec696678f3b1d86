"""One document of a job by its id: as it is stored, with its answer, its failures and its parts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from qwenq.schemas.documents import repeats
from qwenq.schemas.results import Failure, FinishReason, Usage
from qwenq.schemas.states import DocumentState
from qwenq.schemas.tables.core import chunks, documents, jobs, results, workers
from qwenq.schemas.views.shown_document import ShownAnswer, StoredDocument
from qwenq.store.conditions import document_state
from qwenq.store.views.answers.failures import past_failures
from qwenq.store.views.answers.parts import parts_of_document
from qwenq.store.views.jobs.details import job_sources

FEW = 5
MOST_REPEATS = 20


def places_of(connection: Connection, job_id: int, name: str) -> list[int]:
    """The places in the input of the document with this id; without one, of bad rows on the line that it names.

    A line is named as ids name it: `17`, or `rows.csv:17`.
    """
    of_job = documents.c.job_id == job_id
    found = connection.execute(select(documents.c.seq).where(of_job, documents.c.custom_id == name)).scalars()
    if places := list(found):
        return places
    file, _, line = name.rpartition(":")
    if not (line.isascii() and line.isdigit() and len(line) < FEW + FEW):
        return []
    sources = job_sources(connection, job_id)
    rows = connection.execute(
        select(documents.c.seq, documents.c.source)
        .where(of_job, documents.c.custom_id.is_(None), documents.c.line == int(line))
        .order_by(documents.c.seq)
    )
    return [row.seq for row in rows if not file or sources[row.source].endswith(file)]


def some_ids(connection: Connection, job_id: int, near: str) -> list[str]:
    """A few ids of a job: those that begin like this one, else its first."""
    ids = select(documents.c.custom_id).where(
        documents.c.job_id == job_id, documents.c.custom_id.is_not(None)
    )
    first = ids.order_by(documents.c.seq).limit(FEW)
    alike = ids.where(
        documents.c.custom_id.startswith(near[: max(1, len(near) // 2)], autoescape=True)
    ).limit(FEW)
    return list(connection.execute(alike).scalars()) or list(connection.execute(first).scalars())


def stored_document(connection: Connection, job_id: int, seq: int) -> tuple[StoredDocument, str]:
    """A document that exists, and its row: JSON, or the raw text of a bad row."""
    row = connection.execute(
        select(
            documents,
            document_state().label("shown"),
            jobs.c.model,
        )
        .join_from(documents, jobs, jobs.c.id == documents.c.job_id)
        .where(documents.c.job_id == job_id, documents.c.seq == seq)
    ).one()
    chunk = connection.execute(
        select(chunks.c.attempt, chunks.c.crashes).where(
            chunks.c.job_id == job_id, chunks.c.first_seq <= seq, chunks.c.last_seq >= seq
        )
    ).one_or_none()
    sources = job_sources(connection, job_id)
    answer, parts = _answer(connection, job_id, seq)
    error = None if row.error_code is None else Failure(row.error_code, row.error_message)
    stored = StoredDocument(
        job_id=job_id,
        seq=seq,
        custom_id=row.custom_id,
        source=sources[row.source],
        line=row.line,
        state=DocumentState(row.shown),
        model=row.model,
        attempts=chunk.attempt if chunk else 0,
        crashes=chunk.crashes if chunk else 0,
        answer=answer,
        error=error,
        earlier=past_failures(connection, job_id, [seq]).get(seq, ()),
        repeats=_repeats(connection, job_id, row.custom_id, sources),
        parts=parts,
        part_answers=tuple(parts_of_document(connection, job_id, seq)),
    )
    return stored, row.content


def _repeats(
    connection: Connection, job_id: int, custom_id: str | None, sources: Sequence[str]
) -> tuple[str, ...]:
    """The lines of bad rows that repeat an id."""
    if custom_id is None:
        return ()
    rows = connection.execute(
        select(documents.c.source, documents.c.line)
        .where(
            documents.c.job_id == job_id,
            documents.c.error_code.is_not(None),
            documents.c.custom_id.is_(None),
            documents.c.error_message.startswith(repeats(custom_id), autoescape=True),
        )
        .order_by(documents.c.seq)
        .limit(MOST_REPEATS)
    )
    return tuple(
        f"line {row.line}" + (f" of {sources[row.source]}" if len(sources) > 1 else "") for row in rows
    )


def _answer(connection: Connection, job_id: int, seq: int) -> tuple[ShownAnswer | None, int]:
    row: Row[Any] | None = connection.execute(
        select(results, workers.c.name.label("worker"))
        .select_from(results.outerjoin(workers, workers.c.id == results.c.worker_id))
        .where(results.c.job_id == job_id, results.c.seq == seq)
    ).one_or_none()
    if row is None:
        return None, 1
    answer = ShownAnswer(
        text=row.text,
        reasoning=row.reasoning,
        finish_reason=FinishReason(row.finish_reason),
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.prefix_tokens),
        seconds=row.seconds,
        worker=row.worker,
        attempt=row.attempt,
        answered_at=row.created_at,
        reused_from=row.reused_from,
    )
    return answer, row.parts
