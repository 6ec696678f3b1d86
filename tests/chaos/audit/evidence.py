"""All that the auditor reads: the store's rows and history, the engines' log, and the faults."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from qwenq.schemas.tables.core import chunks, documents, failures, jobs, results, workers
from qwenq.store.conditions import document_state
from qwenq.worker.engines.echo.engine import ECHO_MODEL
from tests.audit import audit
from tests.chaos.audit.history import (
    ChunkChange,
    DocumentChange,
    ResultWrite,
    chunk_changes,
    document_changes,
    result_writes,
)
from tests.chaos.engines.log import Generation, Note, generations, read_notes
from tests.chaos.faults.carrying_out import Met
from tests.chaos.world.producers import Receipt
from tests.chaos.world.world import World


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job and the name of its order."""

    id: int
    name: str
    state: str
    reuse: bool = False
    model: str = ECHO_MODEL


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document. `text` is its text, `answer` the answer that this attempt at this chunk gave.

    `reused_from` is the job that the answer was taken from; `past` are the codes of its failures that were retried.
    """

    job: int
    seq: int
    custom_id: str | None
    text: str
    state: str
    error_code: str | None
    answer: str | None
    chunk: int | None
    attempt: int | None
    reused_from: int | None = None
    past: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """All traces of one run. `unsound` lists what the audit of the store alone found."""

    receipts: Sequence[Receipt]
    jobs: Sequence[StoredJob]
    documents: Sequence[StoredDocument]
    running_chunks: Sequence[int]
    waiting_chunks: Sequence[int]
    pids_of_workers: dict[int, int]
    document_changes: Sequence[DocumentChange]
    chunk_changes: Sequence[ChunkChange]
    result_writes: Sequence[ResultWrite]
    notes: Sequence[Note]
    generations: Sequence[Generation]
    met: Sequence[Met]
    unsound: Sequence[str]
    left_messages: int
    left_processes: Sequence[str]


def gather(world: World, met: Sequence[Met], left_messages: int, left_processes: Sequence[str]) -> Evidence:
    """Read everything, after all work has ended."""
    notes = read_notes(world.engine_log)
    with world.store.reading() as connection:
        return Evidence(
            receipts=world.producers.receipts,
            jobs=[
                StoredJob(*row)
                for row in connection.execute(
                    select(jobs.c.id, jobs.c.name, jobs.c.state, jobs.c.reuse, jobs.c.model)
                )
            ],
            documents=list(_documents(connection)),
            running_chunks=_chunks(connection, "running"),
            waiting_chunks=_chunks(connection, "queued"),
            pids_of_workers={
                row.id: row.pid for row in connection.execute(select(workers.c.id, workers.c.pid))
            },
            document_changes=document_changes(connection),
            chunk_changes=chunk_changes(connection),
            result_writes=result_writes(connection),
            notes=notes,
            generations=generations(notes),
            met=met,
            unsound=list(_unsound(connection)),
            left_messages=left_messages,
            left_processes=left_processes,
        )


def _documents(connection: Connection) -> Iterator[StoredDocument]:
    answered = (documents.c.job_id == results.c.job_id) & (documents.c.seq == results.c.seq)
    rows = connection.execute(
        select(
            documents.c.job_id,
            documents.c.seq,
            documents.c.custom_id,
            documents.c.content,
            document_state().label("state"),
            documents.c.error_code,
            results.c.text,
            results.c.chunk_id,
            results.c.attempt,
            results.c.reused_from,
        ).join_from(documents, results, answered, isouter=True)
    )
    past = _past(connection)
    for row in rows:
        yield StoredDocument(
            job=row.job_id,
            seq=row.seq,
            custom_id=row.custom_id,
            text=json.loads(row.content)["text"],
            state=row.state,
            error_code=row.error_code,
            answer=row.text,
            chunk=row.chunk_id,
            attempt=row.attempt,
            reused_from=row.reused_from,
            past=past.get((row.job_id, row.seq), ()),
        )


def _past(connection: Connection) -> Mapping[tuple[int, int], tuple[str, ...]]:
    found: defaultdict[tuple[int, int], tuple[str, ...]] = defaultdict(tuple)
    for row in connection.execute(select(failures).order_by(failures.c.round)):
        found[row.job_id, row.seq] += (row.code,)
    return found


def _chunks(connection: Connection, state: str) -> list[int]:
    found = select(chunks.c.id).join(jobs, jobs.c.id == chunks.c.job_id).where(chunks.c.state == state)
    return list(connection.execute(found.where(jobs.c.state != "validating")).scalars())


def _unsound(connection: Connection) -> Iterator[str]:
    for job_id in connection.execute(select(jobs.c.id).where(jobs.c.state != "validating")).scalars().all():
        try:
            audit(connection, job_id)
        except AssertionError as error:
            yield f"job {job_id}: {error or 'its rows do not fit together'}"
