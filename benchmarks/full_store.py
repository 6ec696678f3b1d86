"""A store with a million documents, filled by a few statements instead of by workers."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, text, update

from qwenq.schemas.service.stored import JOB_KEY
from qwenq.schemas.states import BatchState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import api_batches
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store

MODEL = "Qwen/Qwen3-8B"
WORKERS = 20
CHUNK = 100
SMALL_JOBS = 100
SMALL_PART = 10
"""All small jobs together hold one document in this many."""

_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
_TIME = {"sqlite": "(julianday('now') - 2440587.5) * 86400.0", "postgresql": "clock_timestamp()"}
_EARLIER = {"sqlite": "{now} - {seconds}", "postgresql": "{now} - make_interval(secs => {seconds})"}


@dataclass(frozen=True, slots=True)
class FullStore:
    """The id of the large job, which is running, and the number of all documents."""

    large_job: int
    documents: int


def fill_store(store: Store, documents: int) -> FullStore:
    """Insert one large running job and a hundred small ones, with chunks, documents and answers.

    Chunks hold 100 documents. Nine tenths of the large job are done; one document in a hundred failed.
    """
    small = max(documents // SMALL_PART // SMALL_JOBS // CHUNK, 1) * CHUNK
    large = documents - small * SMALL_JOBS
    with store.writing() as connection:
        fill = _Filling(connection, store.dialect)
        fill.workers()
        for number in range(1, SMALL_JOBS + 1):
            # The last ten wait.
            answered = small if number <= SMALL_JOBS - SMALL_PART else 0
            fill.job(number, small, answered, "completed" if answered else "queued")
        fill.job(SMALL_JOBS + 1, large, large // CHUNK * 9 // 10 * CHUNK, "running")
    with store.writing() as connection:
        connection.execute(text("ANALYZE"))
    return FullStore(SMALL_JOBS + 1, documents)


def fill_batches(store: Store, tenant: str, batches: int, documents: int, running: int) -> list[str]:
    """Insert batches of so many documents each; the newest so many run, the others have ended.

    Returns the ids of those that run.
    """
    answered = documents // CHUNK // 2 * CHUNK
    with store.writing() as connection:
        fill = _Filling(connection, store.dialect)
        fill.workers()
        for number in range(1, batches + 1):
            is_over = number <= batches - running
            fill.job(
                number, documents, documents if is_over else answered, "completed" if is_over else "running"
            )
            _insert_batch(connection, tenant, number, documents, is_over=is_over)
    with store.writing() as connection:
        connection.execute(text("ANALYZE"))
    return [_batch_id(number) for number in range(batches - running + 1, batches + 1)]


def _insert_batch(connection: Connection, tenant: str, job_id: int, documents: int, *, is_over: bool) -> None:
    batch_id, failed = _batch_id(job_id), documents // CHUNK if is_over else 0
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(name=batch_id, idempotency_key=JOB_KEY + batch_id, tenant=tenant)
    )
    connection.execute(
        insert(api_batches).values(
            id=batch_id,
            tenant=tenant,
            owner="anna",
            state=BatchState.COMPLETED if is_over else BatchState.IN_PROGRESS,
            input_file_id=f"file-{job_id}",
            endpoint="/v1/chat/completions",
            completion_window="24h",
            request_digest=b"",
            model=MODEL,
            job_id=job_id,
            total=documents,
            completed=documents - failed if is_over else 0,
            failed=failed,
            created_at=now(-7_200.0),
            expires_at=now(79_200.0),
            in_progress_at=now(-7_100.0),
            completed_at=now() if is_over else None,
        )
    )


def _batch_id(number: int) -> str:
    return f"batch_{number:024}"


class _Filling:
    """Statements for both databases; only their clocks differ."""

    def __init__(self, connection: Connection, dialect: str) -> None:
        self._connection = connection
        self._now = _TIME[dialect]
        self._earlier = _EARLIER[dialect]

    def workers(self) -> None:
        self._run(
            f"""{_NUMBERS} INSERT INTO workers (id, name, host, pid, state, model, device, dtype, loads, started_at,
            heartbeat_at, resident_bytes, gpu_bytes, gpu_total_bytes)
            SELECT n + 1, 'qwenq-' || n || '@host', 'host', n, 'ready', :model, 'cuda', 'bfloat16', 1, {self._now},
            {self._ago("-86400")}, 8000000000, 60000000000, 80000000000 FROM numbers""",
            last=WORKERS - 1,
        )

    def job(self, job_id: int, documents: int, answered: int, state: str) -> None:
        ended = state == "completed"
        self._run(
            f"""INSERT INTO jobs (id, name, state, model, priority, prompt, params, sources, created_at, started_at,
            finished_at, submitter) VALUES (:job, 'job ' || :job, :state, :model, 'normal', '{{}}', '{{}}',
            '["in.jsonl"]', {self._ago("7200")}, {self._ago("7100")}, {self._now if ended else "NULL"}, 'ann@host')""",
            job=job_id,
            state=state,
        )
        given = {"job": job_id, "last": documents - 1, "answered": answered}
        failed = f"n < :answered AND n % {CHUNK} = 0"
        self._run(
            f"""{_NUMBERS} INSERT INTO documents (job_id, seq, custom_id, source, line, state, content, error_code,
            error_message) SELECT :job, n, 'd' || n, 0, n + 1, CASE WHEN {failed} THEN 'failed'
            ELSE 'pending' END, '{{"text": "The invoice of Smith and Sons over 1,250 euros is due"}}',
            CASE WHEN {failed} THEN 'too_long' END, CASE WHEN {failed} THEN 'It is too long.' END FROM numbers""",
            **given,
        )
        self._chunks(**given)
        self._answers(**given)

    def _chunks(self, **given: object) -> None:
        first = f"n * {CHUNK}"
        done = f"{first} < :answered"
        number = {**given, "last": (int(str(given["last"])) + 1) // CHUNK - 1}
        self._run(
            f"""{_NUMBERS} INSERT INTO chunks (job_id, first_seq, last_seq, state, attempt, crashes, created_at,
            published_at, finished_at, worker_id, documents, succeeded, failed, cancelled, prompt_tokens,
            completion_tokens, reasoning_tokens)
            SELECT :job, {first}, {first} + {CHUNK - 1}, CASE WHEN {done} THEN 'done' ELSE 'queued' END,
            CASE WHEN {done} THEN 1 ELSE 0 END, 0, {self._ago("7200")}, {self._ago("7200")},
            CASE WHEN {done} THEN {self._ago("7000")} END, CASE WHEN {done} THEN n % {WORKERS} + 1 END, {CHUNK},
            CASE WHEN {done} THEN {CHUNK - 1} ELSE 0 END, CASE WHEN {done} THEN 1 ELSE 0 END, 0,
            CASE WHEN {done} THEN 9900 ELSE 0 END, CASE WHEN {done} THEN 4950 ELSE 0 END, 0 FROM numbers""",
            **number,
        )

    def _answers(self, **given: object) -> None:
        if not given["answered"]:
            return
        self._run(
            f"""{_NUMBERS} INSERT INTO results (job_id, seq, chunk_id, attempt, worker_id, text, finish_reason,
            prompt_tokens, completion_tokens, reasoning_tokens, created_at, seconds)
            SELECT :job, n, 1, 1, 1, 'It is due on 12 May, and the total is 1,250 euros.', 'stop', 100, 50, 0,
            {self._ago("7000")}, (n % 1000 * 7919 % 1000) / 100.0 FROM numbers
            WHERE n < :answered AND n % {CHUNK} <> 0""",
            **given,
        )
        self._run(
            """INSERT INTO batches (job_id, chunk_id, worker_id, model, rows, prompt_tokens, padded_tokens,
            prefix_tokens, new_tokens, seconds, tokens_per_second, resident_bytes, gpu_peak_bytes, finished_at,
            together, answer_seconds) SELECT job_id, id, worker_id, :model, documents, 7000, 7700, 2900, 4950, 6.0,
            825.0, 8000000000, 60000000000, finished_at, 90.0,
            '{"counts": [0, 0, 0, 0, 20, 60, 19, 0, 0, 0, 0, 0, 0], "total": 350.5}' FROM chunks
            WHERE job_id = :job AND state = 'done'""",
            **given,
        )

    def _ago(self, seconds: str) -> str:
        return self._earlier.format(now=self._now, seconds=seconds)

    def _run(self, statement: str, **given: object) -> None:
        clause = text(statement)
        known = {**given, "model": MODEL}
        self._connection.execute(clause, {name: known[name] for name in clause.compile().params})
