"""Example data for screenshots of the pages: a store after an hour of work, the same each time except for dates."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Table, insert, update

from docs.example_schedules import SUBMITTER, fill_schedules
from qwenq.producer.planning import ChunkPlanner
from qwenq.schemas.chunks import Claim
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.jobs import JobSpec, Priority, PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.results import Failure, FinishReason, Usage
from qwenq.schemas.states import JobState, WorkerState
from qwenq.schemas.tables.core import batches, jobs, workers
from qwenq.schemas.workers import WorkerIdentity
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.claims import claim_next, finish_chunk, hold_fence
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import queue_job
from qwenq.store.life.jobs import create_job
from qwenq.store.life.pausing import pause_job
from qwenq.store.life.workers import note_failed, note_model_loaded, register_worker
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes

LARGE, SMALL = "Qwen/Qwen3-8B", "Qwen/Qwen3-0.6B"
LEASE_SECONDS = 3_600.0
CHUNK_DOCUMENTS = 200
BATCHES = 12
ANSWER_TOKENS = 350
_GIB = 2**30
_FIRMS = ("Arbor Ltd", "Brook & Sons", "Cedar Works", "Delta Freight", "Elm Press", "Fjord Foods")
_FAILURES = (
    ("too_long", "The prompt has 9,120 tokens, the model takes 8,192."),
    ("incomplete_json", "The answer reached 512 tokens before its JSON was complete."),
)


@dataclass(frozen=True, slots=True)
class _Example:
    """A job with its progress. `began` is minutes ago, `lasted` is minutes."""

    name: str
    documents: int
    answered: int
    began: float
    lasted: float
    submitter: str
    model: str = LARGE
    priority: Priority = Priority.NORMAL
    failing: float = 0.0
    end: JobState | None = None


_EXAMPLES = (
    _Example("contracts 2026-11-20", 4_800, 4_800, 1_500, 31, SUBMITTER, failing=0.004),
    _Example("product reviews", 1_800, 1_800, 400, 42, "ann@desk-12", SMALL),
    _Example(
        "archive scan, box 17", 6_000, 1_600, 180, 10, "ben@desk-3", failing=0.02, end=JobState.CANCELLED
    ),
    _Example("support tickets, week 46", 3_200, 1_200, 95, 8, "ann@desk-12", end=JobState.PAUSED),
    _Example("contracts 2026-11-21", 8_000, 5_320, 38, 38, SUBMITTER, failing=0.012),
    _Example("meeting notes", 800, 240, 6, 6, "cleo@laptop", SMALL, Priority.HIGH),
    _Example("invoices, November", 2_800, 0, 2, 0, "ben@desk-3", priority=Priority.LOW),
)


def fill(store: Store) -> None:
    """Fill a store with workers, with jobs in each state in the order of their submission, and with schedules."""
    chance = random.Random(7)  # noqa: S311 - example data
    fleet = _fleet(store)
    job_ids = [_store_example(store, example, fleet, chance) for example in _EXAMPLES]
    nightly = [job for job, example in zip(job_ids, _EXAMPLES, strict=True) if example.submitter == SUBMITTER]
    fill_schedules(store, tuple(reversed(nightly)))


def beat(store: Store) -> None:
    """Let the live workers' hearts beat now."""
    alive = workers.c.state == WorkerState.READY
    with store.writing() as connection:
        connection.execute(
            update(workers).where(alive, workers.c.heartbeat_at > _ago(15)).values(heartbeat_at=_ago(0))
        )


def _fleet(store: Store) -> dict[str, list[int]]:
    """Register three live workers, a lost one and a failed one. Returns the live ones by model."""
    with store.writing() as connection:
        large = [_worker(connection, f"qwenq-{n}@gpu-{n}", LARGE, f"cuda:{n - 1}") for n in (1, 2)]
        small = [_worker(connection, "qwenq@desk-12", SMALL, "cpu")]
        lost = _worker(connection, "qwenq-3@gpu-3", LARGE, "cuda:0")
        _move(connection, workers, lost, heartbeat_at=_ago(17), started_at=_ago(900))
        failed = register_worker(connection, WorkerIdentity("qwenq@old-box", "old-box", 8_112, LARGE))
        note_failed(connection, failed, "CUDA out of memory: 15.3 GiB are needed, 11.1 GiB are free.")
    return {LARGE: large, SMALL: small}


def _worker(connection: Connection, name: str, model: str, device: str) -> int:
    gpu = device.startswith("cuda")
    found = register_worker(connection, WorkerIdentity(name, name.partition("@")[2], 4_711, model))
    dtype, parameters = ("bfloat16", 8_190_735_360) if gpu else ("float32", 596_049_920)
    note_model_loaded(connection, found, ModelInfo(model, device, dtype, 8_192, parameters, 14.2))
    held = {"resident_bytes": int((6.1 if gpu else 3.4) * _GIB), "started_at": _ago(1_600)}
    if gpu:
        held |= {"gpu_bytes": 71 * _GIB, "gpu_total_bytes": 80 * _GIB}
    _move(connection, workers, found, **held)
    return found


def _store_example(
    store: Store, example: _Example, fleet: dict[str, list[int]], chance: random.Random
) -> int:
    """Store a job as its example says. Returns its id."""
    rows: list[Row] = [_document(place) for place in range(example.documents)]
    planner = ChunkPlanner(CHUNK_DOCUMENTS, tokens=10**9)
    spec = JobSpec(
        model=example.model,
        name=example.name,
        prompt=PromptSpec(template="Who owes what, and until when? {{ text }}"),
        priority=example.priority,
        submitter=example.submitter,
        sources=("documents.jsonl",),
    )
    with store.writing() as connection:
        job_id = create_job(connection, spec)
        insert_rows(connection, job_id, 0, rows, spec.sources)
        insert_chunks(connection, job_id, [*planner.add(rows, set()), *planner.finish()])
        queue_job(connection, job_id)
        _answer(connection, job_id, example, fleet[example.model], chance)
        if example.end == JobState.PAUSED:
            pause_job(connection, job_id)
        if example.end == JobState.CANCELLED:
            cancel_job(connection, job_id)
        _date(connection, job_id, example)
    return job_id


def _answer(
    connection: Connection, job_id: int, example: _Example, fleet: list[int], chance: random.Random
) -> None:
    """Answer chunk by chunk, with the workers in turn; the last chunk may stay unfinished."""
    chunks = -(-example.answered // CHUNK_DOCUMENTS)
    for number in range(chunks):
        worker = fleet[number % len(fleet)]
        claim = claim_next(connection, job_id, 0, worker, LEASE_SECONDS)
        if claim is None:
            return
        left = example.answered - number * CHUNK_DOCUMENTS
        seqs = range(claim.first_seq, min(claim.last_seq + 1, claim.first_seq + left))
        hold_fence(connection, claim, LEASE_SECONDS)
        outcomes = OutcomeRows.of(_outcome(seq, example, chance) for seq in seqs)
        insert_outcomes(connection, claim, outcomes)
        began = example.began - example.lasted * number / chunks
        lasted = min(example.lasted * len(fleet) / chunks, began)
        _measure(connection, claim, _Span(example.model, len(seqs), began, lasted), chance)
        if len(seqs) == claim.last_seq - claim.first_seq + 1:
            finish_chunk(connection, claim)


def _outcome(seq: int, example: _Example, chance: random.Random) -> Outcome:
    if chance.random() < example.failing:
        code, message = chance.choice(_FAILURES)
        return Outcome(seq, "", FinishReason.ERROR, Usage(), failure=Failure(code, message))
    text = f"{_firm(seq)} owes {_amount(seq)}, until {_day(seq)} December."
    usage = Usage(180 + seq % 60, ANSWER_TOKENS + seq % 25, 0, 40)
    return Outcome(seq, text, FinishReason.STOP, usage, seconds=4 + seq % 7)


@dataclass(frozen=True, slots=True)
class _Span:
    """The answers of a chunk, generated from `began` minutes ago, within `lasted` minutes."""

    model: str
    answers: int
    began: float
    lasted: float


def _measure(connection: Connection, claim: Claim, span: _Span, chance: random.Random) -> None:
    """Store the batch metrics of a chunk, as an engine reports them."""
    rows, seconds = span.answers // BATCHES, span.lasted * 60 / BATCHES
    for number in range(BATCHES):
        tokens = int(rows * ANSWER_TOKENS * chance.uniform(0.9, 1.1))
        prompt = 200 * rows
        measured = {
            "job_id": claim.job_id, "chunk_id": claim.chunk_id, "worker_id": claim.worker_id, "model": span.model,
            "rows": rows, "prompt_tokens": prompt, "padded_tokens": int(prompt * chance.uniform(1.01, 1.09)),
            "prefix_tokens": prompt // 5, "new_tokens": tokens, "seconds": seconds,
            "tokens_per_second": tokens / seconds, "resident_bytes": 6 * _GIB, "gpu_peak_bytes": 68 * _GIB,
            "together": 41.0, "finished_at": _ago(span.began - span.lasted * (number + 1) / BATCHES),
        }  # fmt: skip
        connection.execute(insert(batches).values(measured))


def _date(connection: Connection, job_id: int, example: _Example) -> None:
    """Set a job's times to those of its example."""
    dates: dict[str, object] = {"created_at": _ago(example.began + 0.5)}
    if example.answered:
        dates["started_at"] = _ago(example.began)
    if example.answered == example.documents or example.end == JobState.CANCELLED:
        dates["finished_at"] = _ago(example.began - example.lasted)
    if example.end == JobState.PAUSED:
        dates["idle_since"] = _ago(example.began - example.lasted)
    _move(connection, jobs, job_id, **dates)


def _move(connection: Connection, table: Table, row: int, **values: object) -> None:
    connection.execute(update(table).where(table.c.id == row).values(**values))


def _document(place: int) -> Document:
    text = f"{_firm(place)} agrees to pay {_amount(place)} for goods delivered, due on {_day(place)} December 2026."
    return Document(f"contract-{place:05}", 0, place + 1, json.dumps({"text": text}))


def _firm(place: int) -> str:
    return _FIRMS[place % len(_FIRMS)]


def _amount(place: int) -> str:
    return f"EUR {1_000 + place * 37 % 9_000:,}.00"


def _day(place: int) -> int:
    return 1 + place % 28


def _ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)
