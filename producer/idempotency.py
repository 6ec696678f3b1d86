"""Idempotency keys: a job with a key is stored once, however often and from wherever it is submitted."""

import hashlib
import time
from collections.abc import Callable, Iterable

from qwenq.producer.signals import Signals
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import IdempotencyMismatch
from qwenq.schemas.jobs import HalfJob, JobSpec, KeyedJob
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life.half_jobs import begin_job, hold_abandoned
from qwenq.store.views.jobs.keys import job_of_key

LOOK_AGAIN_SECONDS = 0.2


class InputDigest:
    """SHA-256 over the rows of an input, whatever its files are called."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, rows: Iterable[Row]) -> None:
        """Add the next rows."""
        parts = [
            f"{row.custom_id}\0{row.content}\0" if isinstance(row, Document) else f"\0{row.raw}\0"
            for row in rows
        ]
        self._digest.update("".join(parts).encode("utf-8", "surrogatepass"))

    def hexdigest(self) -> str:
        """The digest of all rows added so far."""
        return self._digest.hexdigest()


def find_or_begin(
    store: Store,
    spec: JobSpec,
    one_shot_key: str | None,
    lease_seconds: float,
    signals: Signals,
    waiting: Callable[[int], object],
) -> HalfJob | KeyedJob:
    """Find the job that has this key, or begin one if it is gone.

    Waits for a job that another process is still storing, since that may fail; `waiting` gets its id once. If that
    process dies, its half job makes room. Raises KeyboardInterrupt.
    """
    waited_for: int | None = None
    while True:
        with store.reading() as connection:
            found = job_of_key(connection, spec.idempotency_key or "")
        if found is not None and found.state != JobState.VALIDATING:
            return found
        if found is not None and not found.abandoned:
            if waited_for != found.job_id:
                waited_for = found.job_id
                waiting(found.job_id)
            signals.heed()
            time.sleep(LOOK_AGAIN_SECONDS)
            continue
        if found is not None:
            with store.writing() as connection:
                hold_abandoned(connection, found.job_id, lease_seconds=0)
        with store.writing() as connection:
            begun = begin_job(connection, spec, one_shot_key, lease_seconds)
        if begun is not None:
            return begun


def check_same_request(spec: JobSpec, rows: Iterable[Row], found: KeyedJob) -> None:
    """Raise IdempotencyMismatch if this request differs from the first; its name and priority may.

    The input is not compared with that of a job that was cancelled before it was wholly stored.
    """
    digest = InputDigest()
    for row in rows:
        digest.add((row,))
    same = {
        "model": spec.model == found.model,
        # The text decides, whatever its template is called.
        "prompt": spec.prompt == found.prompt.model_copy(update={"named": spec.prompt.named}),
        "parameters": spec.params == found.params,
        "input": found.input_digest in (None, digest.hexdigest()),
    }
    if different := [name for name, equal in same.items() if not equal]:
        raise IdempotencyMismatch(
            job_id=found.job_id, key=spec.idempotency_key or "", differences=", ".join(different)
        )
