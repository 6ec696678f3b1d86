"""The contents of a store, read straight from its tables as the model's objects."""

from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, delete, false, func, select

from qwenq.schemas.states import ChunkState, DocumentState, JobState
from qwenq.schemas.tables.core import batches, chunks, documents, failures, jobs, results
from qwenq.store.conditions import REMOVING, document_state, is_abandoned
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_statuses
from tests.integration.store.model.nouns import Answer, Chunk, Document, Job

_COUNTED = (DocumentState.SUCCEEDED, DocumentState.FAILED, DocumentState.CANCELLED)
_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "prefix_tokens")
MANY = 1_000


def empty(store: Store) -> None:
    """Remove every job; workers stay."""
    with store.writing() as connection:
        for table in (batches, failures, results, documents, chunks, jobs):
            connection.execute(delete(table))


def watched(store: Store) -> dict[int, Job]:
    """All jobs, after checking the store's counts against its rows."""
    with store.reading() as connection:
        held = {
            row.id: _job(row)
            for row in connection.execute(select(jobs, is_abandoned().label("abandoned")).order_by(jobs.c.id))
        }
        past = _past(connection)
        rows = _documents(connection)
        for job_id, its in groupby(rows, key=lambda row: row.job_id):
            held[job_id].documents = [_document(row, past.get((job_id, row.seq), ())) for row in its]
        for row in _chunks(connection):
            held[row.job_id].chunks.append(_chunk(row))
            if not held[row.job_id].removed:
                _check_counters(row, [one for one in rows if _is_in(row, one)])
        _check_statuses(connection, held)
    return held


def _job(row: Row[Any]) -> Job:
    return Job(
        state=JobState(row.state),
        documents=[],
        chunks=[],
        paused_from=JobState(row.paused_from) if row.paused_from else None,
        key=row.idempotency_key,
        reuse=row.reuse,
        abandoned=bool(row.abandoned),
        removed=row.state == JobState.VALIDATING and (row.holder or "").startswith(REMOVING),
    )


def _documents(connection: Connection) -> list[Row[Any]]:
    return list(
        connection.execute(
            select(
                documents.c.job_id,
                documents.c.seq,
                document_state().label("state"),
                documents.c.error_code,
                results.c.text,
                results.c.attempt,
                results.c.worker_id,
                results.c.reused_from,
                results.c.finish_reason,
                results.c.fingerprint,
                *(results.c[name] for name in _TOKENS),
            )
            .outerjoin_from(
                documents,
                results,
                (results.c.job_id == documents.c.job_id) & (results.c.seq == documents.c.seq),
            )
            .order_by(documents.c.job_id, documents.c.seq)
        )
    )


def _past(connection: Connection) -> dict[tuple[int, int], tuple[str, ...]]:
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    order = (failures.c.job_id, failures.c.seq, failures.c.round)
    for row in connection.execute(select(failures).order_by(*order)):
        before = found.get((row.job_id, row.seq), ())
        assert row.round == len(before) + 1
        found[row.job_id, row.seq] = (*before, row.code)
    return found


def _document(row: Row[Any], past: tuple[str, ...]) -> Document:
    known = row.fingerprint is not None
    answer = (
        None if row.text is None else Answer(row.text, row.attempt, row.worker_id, row.reused_from, known)
    )
    return Document(DocumentState(row.state), row.error_code, answer, past)


def _chunks(connection: Connection) -> list[Row[Any]]:
    expired = func.coalesce(chunks.c.lease_expires_at < now(), false()).label("expired")
    return list(connection.execute(select(chunks, expired).order_by(chunks.c.job_id, chunks.c.first_seq)))


def _chunk(row: Row[Any]) -> Chunk:
    return Chunk(
        first=row.first_seq,
        last=row.last_seq,
        id=row.id,
        state=ChunkState(row.state),
        attempt=row.attempt,
        crashes=row.crashes,
        worker_id=row.worker_id,
        expired=bool(row.expired),
    )


def _is_in(chunk: Row[Any], document: Row[Any]) -> bool:
    return bool(document.job_id == chunk.job_id and chunk.first_seq <= document.seq <= chunk.last_seq)


def _check_counters(chunk: Row[Any], its: list[Row[Any]]) -> None:
    counted = {state: sum(row.state == state for row in its) for state in _COUNTED}
    assert {state: getattr(chunk, state) for state in _COUNTED} == counted, f"{chunk} miscounts"
    assert chunk.reused == sum(row.reused_from is not None for row in its), f"{chunk} miscounts reused"
    assert chunk.cut == sum(row.finish_reason == "length" for row in its), f"{chunk} miscounts cut"
    assert chunk.empty == sum(row.text == "" for row in its), f"{chunk} miscounts empty"
    for name in _TOKENS:
        assert getattr(chunk, name) == sum(getattr(row, name) or 0 for row in its), (
            f"{chunk} miscounts {name}"
        )


def _check_statuses(connection: Connection, held: dict[int, Job]) -> None:
    told = {status.id: status for status in job_statuses(connection, MANY)}
    assert sorted(told) == sorted(held)
    for job_id, job in held.items():
        counts = told[job_id].documents
        assert told[job_id].state == job.state
        if job.removed:
            continue
        assert counts.total == len(job.documents)
        for state in DocumentState:
            counted = sum(one.state == state for one in job.documents)
            assert getattr(counts, state) == counted, f"the status of job {job_id} miscounts {state}"
