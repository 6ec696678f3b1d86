"""Half jobs, in a store and in its model: both must return the same."""

from collections.abc import Iterable
from itertools import chain, repeat

from sqlalchemy import update

from qwenq.producer.enqueuing import begin_or_find
from qwenq.producer.signals import Signals
from qwenq.schemas.errors import JobGivenUp
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import jobs as table
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.half_jobs import hold_abandoned, hold_ended, queue_job, renew
from qwenq.store.life.removal import remove
from tests.builders import EXPIRED, LEASE
from tests.integration.store.model import holding
from tests.integration.store.model.model import Life


class _Waits(Exception):
    """Another process is still storing the job of the key."""


class Halves:
    """`storing` and `removing` are the handles of all unfinished processes, stale ones too."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life
        self.storing: list[HalfJob] = []
        self.removing: list[HalfJob] = []

    def begin(self, spec: JobSpec) -> HalfJob | None:
        """Begin a job, or find its key's job, or see that another process stores it. None: nothing was begun."""
        found = holding.named(self._life.jobs, spec.idempotency_key)
        lives = found is not None and self._stands(found)
        try:
            begun = begin_or_find(self._store, spec, None, LEASE, Signals(), _waits)
        except _Waits:
            assert lives, "a job was waited for that nobody stores"
            return None
        if not isinstance(begun, HalfJob):
            assert (lives, begun.job_id) == (True, found), "a key was found that names nothing"
            return None
        assert not lives, "a key was given to a second job"
        if found is not None:
            holding.take_to_remove(self._life.jobs[found], None)
            self._life.jobs[found].abandoned = True
        return begun

    def release(self, half: HalfJob) -> None:
        """Store the last row of a job, which its producer may have lost."""
        self.storing.remove(half)
        try:
            with self._store.writing() as connection:
                if renew(connection, half, LEASE):
                    queue_job(connection, half.job_id)
        except JobGivenUp:
            assert not holding.holds(self._life.jobs, half), "a job was given up that nobody claimed"
            return
        assert holding.holds(self._life.jobs, half), "a producer goes on with a job that others have"
        self._life.queue_job(self._life.jobs[half.job_id])

    def let_lapse(self, job_id: int) -> None:
        """Let the lease of a half job run out."""
        with self._store.writing() as connection:
            connection.execute(
                update(table).where(table.c.id == job_id).values(holder_expires_at=now(EXPIRED))
            )
        self._life.jobs[job_id].abandoned = True

    def prune(self, job_id: int, steps: int) -> None:
        """Hold a job to remove it, if allowed, and remove some of it or all."""
        job = self._life.jobs[job_id]
        with self._store.writing() as connection:
            if job.state == JobState.VALIDATING:
                half = hold_abandoned(connection, job_id, LEASE)
            else:
                half = hold_ended(connection, job_id, 0.0, LEASE)
        assert (half is not None) == holding.can_be_removed(job)
        if half is not None:
            holding.take_to_remove(job, half.token)
            self.removing.append(half)
            self.remove(half, steps)

    def remove(self, half: HalfJob, steps: int) -> None:
        """Remove some of a held job, if it is still held."""
        go_on: Iterable[bool] = chain(repeat(False, steps), repeat(True))
        answers = iter(go_on)
        gone = remove(self._store, half, until=lambda: next(answers))
        assert gone == holding.remove(self._life.jobs, half, steps)

    def give_up(self, half: HalfJob, steps: int) -> None:
        """Interrupt a producer: from now on it removes what it stored."""
        self.storing.remove(half)
        self.removing.append(half)
        self.remove(half, steps)

    def validating(self) -> list[int]:
        """The jobs that a process holds, or held."""
        return [job_id for job_id, job in self._life.jobs.items() if job.state == JobState.VALIDATING]

    def to_the_end(self, most_steps: int) -> None:
        """Finish storing what is being stored, and remove the rest."""
        for half in list(self.storing):
            self.release(half)
        for job_id in self.validating():
            self.let_lapse(job_id)
            self.prune(job_id, most_steps)

    def _stands(self, job_id: int) -> bool:
        """Whether a job keeps its key: it is whole, or its producer lives."""
        job = self._life.jobs[job_id]
        return job.state != JobState.VALIDATING or not job.abandoned


def _waits(_job_id: int) -> None:
    raise _Waits
