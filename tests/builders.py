"""Build jobs as a producer stores them, and outcomes as a worker writes them."""

from collections.abc import Collection, Iterable

from sqlalchemy import select, update

from qwenq.producer.planning import ChunkPlanner
from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Claim
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.jobs import JobSpec, Priority
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import Completion, ModelInfo, Request
from qwenq.schemas.results import Failure, FinishReason, Usage
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights, WorkerIdentity
from qwenq.store.database.store import Store
from qwenq.store.life import claims, jobs, workers
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import queue_job
from qwenq.store.life.questions import insert_question
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes

MODEL = "echo"
LEASE = 600.0
EXPIRED = -1.0
"""A lease that has run out already: a worker that died, without any waiting."""


def row(place: int, custom_id: str | None = None, content: str | None = None, source: int = 0) -> Document:
    """A good row; `place` counts from 0, its line from 1."""
    return Document(custom_id or f"d{place}", source, place + 1, content or f'{{"text": "document {place}"}}')


def rows(documents: int, bad: Collection[int] = ()) -> list[Row]:
    """Rows in input order; those at the places `bad` could not be read."""
    return [
        BadRow(0, place + 1, f"raw {place}", "not JSON") if place in bad else row(place)
        for place in range(documents)
    ]


def make_job(
    store: Store,
    documents: int = 10,
    chunk_documents: int = 4,
    *,
    bad: Collection[int] = (),
    model: str = MODEL,
    priority: Priority = Priority.NORMAL,
    released: bool = True,
) -> int:
    """A job of so many rows, in chunks of so many good ones. Returns its id."""
    return store_job(
        store, rows(documents, bad), chunk_documents, model=model, priority=priority, released=released
    )


def store_job(
    store: Store,
    content: list[Row],
    chunk_documents: int = 4,
    *,
    model: str = MODEL,
    priority: Priority = Priority.NORMAL,
    sources: tuple[str, ...] = ("in.jsonl",),
    released: bool = True,
) -> int:
    """A job of these rows, in one batch. Returns its id."""
    planner = ChunkPlanner(chunk_documents, tokens=10**9)
    spec = JobSpec(model=model, name="a job", sources=sources, priority=priority)
    with store.writing() as connection:
        job_id = jobs.create_job(connection, spec)
        rejected = insert_rows(connection, job_id, 0, content, sources)
        insert_chunks(connection, job_id, [*planner.add(content, set(rejected)), *planner.finish()])
        if released:
            queue_job(connection, job_id)
    return job_id


def ask_question(store: Store, content: str = '{"text": "now"}') -> tuple[int, int]:
    """An urgent job of one document. Returns the ids of job and chunk."""
    spec = JobSpec(model=MODEL, name="a question", urgent=True)
    with store.writing() as connection:
        return insert_question(connection, spec, row(0, content=content))


def make_worker(
    store: Store,
    model: str = MODEL,
    name: str = "w@here",
    pid: int = 1,
    weights: LoadedWeights = UNKNOWN_WEIGHTS,
) -> int:
    """A worker that has its model. Returns its id."""
    info = ModelInfo(
        model, "cpu", "float32", context=512, parameters=1_000, load_seconds=0.5, weights=weights
    )
    with store.writing() as connection:
        worker_id = workers.register_worker(connection, WorkerIdentity(name, "here", pid, model))
        workers.note_model_loaded(connection, worker_id, info)
    return worker_id


def chunks_of(store: Store, job_id: int, *states: ChunkState) -> list[int]:
    """The ids of a job's chunks in input order; of all, or of those in these states."""
    query = select(chunks.c.id).where(chunks.c.job_id == job_id).order_by(chunks.c.first_seq)
    if states:
        query = query.where(chunks.c.state.in_(states))
    with store.reading() as connection:
        return list(connection.execute(query).scalars())


def claim_one(store: Store, chunk_id: int, worker_id: int, lease_seconds: float = LEASE) -> Claim:
    """Claim a chunk; it must be claimable."""
    with store.writing() as connection:
        claim = claims.claim_chunk(connection, chunk_id, MODEL, worker_id, lease_seconds)
    assert claim is not None
    return claim


def suspect(store: Store, chunk_id: int, crashes: int = CRASHES_IN_COMPANY + 1) -> None:
    """Give a chunk so many crashes; the first ones beside other chunks."""
    with store.writing() as connection:
        connection.execute(update(chunks).where(chunks.c.id == chunk_id).values(crashes=crashes))


def claim_first(store: Store, job_id: int, worker_id: int, lease_seconds: float = LEASE) -> Claim | None:
    """Claim a job's first waiting chunk; None when no chunk waits."""
    waiting = chunks_of(store, job_id, ChunkState.QUEUED)
    return claim_one(store, waiting[0], worker_id, lease_seconds) if waiting else None


def answer(seq: int, text: str | None = None, reasoning: str | None = None) -> Outcome:
    """An answer with a token count of its own."""
    usage = Usage(10 + seq, completion_tokens=2 + seq, reasoning_tokens=1, prefix_tokens=3 + seq)
    return Outcome(seq, text or f"answer {seq}", FinishReason.STOP, usage, reasoning)


def failure(seq: int, code: str = "too_long", message: str = "much too long") -> Outcome:
    """A document's failure."""
    return Outcome(seq, "", FinishReason.ERROR, Usage(), failure=Failure(code, message))


def complete(request: Request, text: str, reasoning: str | None = None) -> Completion:
    """A completion that answers a request."""
    usage = answer(request.key % 2**31).usage  # a part's key begins there
    return Completion(request.key, text, FinishReason.STOP, usage, reasoning, group=request.group)


def fail(request: Request, *_: object) -> Completion:
    """A completion that fails a request."""
    why = failure(request.key).failure
    return Completion(request.key, "", FinishReason.ERROR, Usage(), failure=why, group=request.group)


def answers(claim: Claim) -> list[Outcome]:
    """An answer to every document of a claim."""
    return [answer(seq) for seq in range(claim.first_seq, claim.last_seq + 1)]


def write(
    store: Store, claim: Claim, outcomes: Iterable[Outcome], lease_seconds: float | None = None
) -> None:
    """Write outcomes as a worker does, in a transaction that holds the fence."""
    with store.writing() as connection:
        claims.hold_fence(connection, claim, lease_seconds)
        insert_outcomes(connection, claim, OutcomeRows.of(outcomes))


def finish(store: Store, claim: Claim, outcomes: Iterable[Outcome] | None = None) -> JobState | None:
    """Write outcomes, by default an answer to each document, and close the chunk."""
    with store.writing() as connection:
        claims.hold_fence(connection, claim, None)
        insert_outcomes(connection, claim, OutcomeRows.of(answers(claim) if outcomes is None else outcomes))
        return claims.finish_chunk(connection, claim)


def answer_all(store: Store, job_id: int, worker_id: int) -> None:
    """Claim and answer every waiting chunk."""
    while claim := claim_first(store, job_id, worker_id):
        finish(store, claim)
