"""Requests with an idempotency key: each is stored once, however often and from wherever it is submitted."""

import hashlib
import time
from collections.abc import Callable, Iterable

from qwenq.producer.signals import Signals
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import IdempotencyMismatch
from qwenq.schemas.jobs import HalfJob, JobSpec, KeyedJob
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life import idempotency
from qwenq.store.life.half_jobs import begin_job, take_abandoned

LOOK_AGAIN_SECONDS = 0.2


class InputDigest:
    """SHA-256 over the rows of an input, whatever its files are called."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, rows: Iterable[Row]) -> None:
        """Take the next rows."""
        parts = [
            f"{row.custom_id}\0{row.content}\0" if isinstance(row, Document) else f"\0{row.raw}\0"
            for row in rows
        ]
        self._digest.update("".join(parts).encode("utf-8", "surrogatepass"))

    def hexdigest(self) -> str:
        """The digest of all rows until now."""
        return self._digest.hexdigest()


def begin_or_find(
    store: Store,
    spec: JobSpec,
    run_key: str | None,
    lease_seconds: float,
    signals: Signals,
    waiting: Callable[[int], object],
) -> HalfJob | KeyedJob:
    """Begin the job, or find the one that has its key already.

    One that another process is still storing is waited for, since it may come to nothing; `waiting` is told of it
    once. If that process dies, its half job makes room. Raises KeyboardInterrupt.
    """
    waited_for: int | None = None
    while True:
        with store.writing() as connection:
            begun = begin_job(connection, spec, run_key, lease_seconds)
        if begun is not None:
            return begun
        with store.reading() as connection:
            found = idempotency.job_of_key(connection, spec.idempotency_key or "")
        if found is None:
            continue
        if found.state != JobState.VALIDATING:
            return found
        if found.abandoned:
            with store.writing() as connection:
                take_abandoned(connection, found.job_id, lease_seconds=0)
            continue
        if waited_for != found.job_id:
            waited_for = found.job_id
            waiting(found.job_id)
        signals.heed()
        time.sleep(LOOK_AGAIN_SECONDS)


def check_same_request(spec: JobSpec, rows: Iterable[Row], found: KeyedJob) -> None:
    """Raise IdempotencyMismatch unless the same is asked for; the name and the priority may differ.

    The input of a job that was cancelled before it was all stored is not compared.
    """
    digest = InputDigest()
    for row in rows:
        digest.add((row,))
    same = {
        "model": spec.model == found.model,
        "prompt": spec.prompt == found.prompt,
        "parameters": spec.params == found.params,
        "input": found.input_digest in (None, digest.hexdigest()),
    }
    if different := [name for name, equal in same.items() if not equal]:
        raise IdempotencyMismatch(
            job_id=found.job_id, key=spec.idempotency_key or "", differences=", ".join(different)
        )
