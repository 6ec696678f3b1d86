"""Invariants of every store, read straight from its tables."""

from typing import Any

from sqlalchemy import Connection, Row, func, select

from qwenq.schemas.results import EmptyCause, empty_cause
from qwenq.schemas.states import ENDED_JOB_STATES, ChunkState, DocumentState, JobState
from qwenq.schemas.tables.core import chunks, documents, failures, jobs, results

UNFINISHED = frozenset({DocumentState.PENDING, DocumentState.RUNNING})
"""The states of a document without an outcome."""


def audit(connection: Connection, job_id: int) -> None:
    """Counters equal a recount; no document has two outcomes; chunks cover each row once."""
    answered = set(connection.execute(select(results.c.seq).where(results.c.job_id == job_id)).scalars())
    stored = connection.execute(
        select(documents.c.seq, documents.c.state)
        .where(documents.c.job_id == job_id)
        .order_by(documents.c.seq)
    ).all()
    assert not [seq for seq, state in stored if seq in answered and state != DocumentState.PENDING]
    states = [(seq, DocumentState.SUCCEEDED if seq in answered else state) for seq, state in stored]
    covered: list[int] = []
    for chunk in connection.execute(
        select(chunks).where(chunks.c.job_id == job_id).order_by(chunks.c.first_seq)
    ):
        own = [state for seq, state in states if chunk.first_seq <= seq <= chunk.last_seq]
        covered += range(chunk.first_seq, chunk.last_seq + 1)
        for state in (DocumentState.SUCCEEDED, DocumentState.FAILED, DocumentState.CANCELLED):
            assert getattr(chunk, state) == own.count(state), f"chunk {chunk.id} miscounts {state}"
        if chunk.state == ChunkState.DONE:
            assert not {"pending", "running"} & set(own), f"chunk {chunk.id} is done, its documents are not"
        tokens = connection.execute(
            select(func.coalesce(func.sum(results.c.completion_tokens), 0)).where(
                results.c.job_id == job_id, results.c.seq.between(chunk.first_seq, chunk.last_seq)
            )
        ).scalar_one()
        assert chunk.completion_tokens == tokens
        assert chunk.reused == _reused(connection, chunk), f"chunk {chunk.id} miscounts what was reused"
        _audit_cut_and_empty(connection, chunk)
    assert covered == [seq for seq, _ in states]
    _audit_state(connection, job_id)
    _audit_history(connection, job_id)


def _audit_state(connection: Connection, job_id: int) -> None:
    """A job has ended by itself exactly when all its chunks are done; it completed if a document succeeded."""
    state = connection.execute(select(jobs.c.state).where(jobs.c.id == job_id)).scalar_one()
    if state in (JobState.VALIDATING, JobState.CANCELLED):
        return
    open_chunks, succeeded = connection.execute(
        select(func.count().filter(chunks.c.state != ChunkState.DONE), func.sum(chunks.c.succeeded)).where(
            chunks.c.job_id == job_id
        )
    ).one()
    assert (state in ENDED_JOB_STATES) == (open_chunks == 0), f"{state} with {open_chunks} chunks to do"
    if state in ENDED_JOB_STATES:
        assert (state == JobState.COMPLETED) == (succeeded > 0)


def _audit_history(connection: Connection, job_id: int) -> None:
    """Each document's failed rounds count from 1 without a gap; a bad row has none."""
    rounds = connection.execute(
        select(failures.c.seq, func.count(), func.min(failures.c.round), func.max(failures.c.round))
        .where(failures.c.job_id == job_id)
        .group_by(failures.c.seq)
    ).all()
    assert all((first, last) == (1, count) for _, count, first, last in rounds)
    bad = select(documents.c.seq).where(documents.c.job_id == job_id, documents.c.custom_id.is_(None))
    assert not {seq for seq, *_ in rounds} & set(connection.execute(bad).scalars())


def _audit_cut_and_empty(connection: Connection, chunk: Row[Any]) -> None:
    """A chunk counts its answers that ended at their limit, and those without text by their cause."""
    answers = connection.execute(
        select(results.c.text, results.c.reasoning, results.c.finish_reason).where(
            results.c.job_id == chunk.job_id, results.c.seq.between(chunk.first_seq, chunk.last_seq)
        )
    ).all()
    causes = [empty_cause(*row) for row in answers]
    assert chunk.cut == sum(row.finish_reason == "length" for row in answers), (
        f"chunk {chunk.id} miscounts cut"
    )
    assert chunk.empty == len(causes) - causes.count(None), f"chunk {chunk.id} miscounts empty"
    assert chunk.reasoning_cut == causes.count(EmptyCause.REASONING_CUT), f"chunk {chunk.id} miscounts"
    assert chunk.reasoning_ended == causes.count(EmptyCause.REASONING_ENDED), f"chunk {chunk.id} miscounts"


def _reused(connection: Connection, chunk: Row[Any]) -> int:
    """Count a chunk's reused answers; they must cost no tokens."""
    copies = connection.execute(
        select(results).where(
            results.c.job_id == chunk.job_id,
            results.c.seq.between(chunk.first_seq, chunk.last_seq),
            results.c.reused_from.is_not(None),
        )
    ).all()
    assert not any(copy.prompt_tokens or copy.completion_tokens for copy in copies)
    return len(copies)
