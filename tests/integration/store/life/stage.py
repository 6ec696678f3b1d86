"""A store and the model beside it: each deed is done to both, and both must answer alike."""

from collections.abc import Callable, Collection, Iterable
from itertools import count

from sqlalchemy import update

from schemas.chunks import Assignment, Claim
from schemas.errors import JobNotPausable, JobNotPaused, JobNotRetryable, LeaseLost, NothingToRetry
from schemas.requests import Completion
from schemas.states import DocumentState, JobState
from schemas.tables import chunks
from store import jobs, pausing, rescue, retrying
from store.claims import hold_fence, release_chunk, standing_of
from store.clock import now
from store.database import Store
from store.results import insert_outcomes
from tests.builders import EXPIRED, LEASE, MODEL, answer, failure, make_worker, rows, store_job
from tests.integration.store.life import watching
from tests.integration.store.life.invariants import check
from tests.integration.store.life.model import Life
from tests.integration.store.life.nouns import Chunk
from worker.claimant import ANY_CRASHES, Claimant
from worker.settling import Ending, settle

WORKERS = 3


class Stage:
    """One store with three workers, and nothing else in it.

    `claims` are all that were ever handed out, lost ones too; `reading` are jobs whose producer still reads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        watching.empty(store)
        self.workers = [make_worker(store) for _ in range(WORKERS)]
        self.life = Life()
        self.claims: list[Claim] = []
        self.reading: list[int] = []
        self._texts = count()

    def submit(self, documents: int, chunk_documents: int, bad: Collection[int], *, released: bool) -> None:
        """A producer stores a job; not `released`, it still reads."""
        job_id = store_job(self._store, rows(documents, bad), chunk_documents, released=released)
        job = watching.watched(self._store)[job_id]
        assert job.state == (JobState.QUEUED if released else JobState.VALIDATING)
        wanted = [DocumentState.FAILED if at in bad else DocumentState.PENDING for at in range(documents)]
        assert [one.state for one in job.documents] == wanted
        self.life.jobs[job_id] = job
        if not released:
            self.reading.append(job_id)

    def release_job(self, job_id: int) -> None:
        """The last row of a job is in."""
        with self._store.writing() as connection:
            jobs.release_job(connection, job_id)
        self.reading.remove(job_id)
        self.life.release_job(self.life.jobs[job_id])

    def take_by_message(self, chunk: Chunk, worker_id: int) -> None:
        """A worker claims the chunk of a message, or the next that waits."""
        wanted = chunk if self.life.claimable(chunk) else self.life.waiting(ANY_CRASHES)
        self._took(self._claimant(worker_id).take(chunk.id), wanted, worker_id)

    def take_next(self, worker_id: int, most_crashes: int) -> None:
        """A worker claims ahead."""
        wanted = self.life.waiting(most_crashes)
        self._took(self._claimant(worker_id).take_next(most_crashes), wanted, worker_id)

    def write(self, claim: Claim, outcomes: Iterable[tuple[int, bool]], otherwise: Ending) -> None:
        """Write outcomes as a keeper does: places in the chunk, and whether each is an answer."""
        held = self.life.holds(claim)
        completions = self._completions(claim, outcomes)
        try:
            with self._store.writing() as connection:
                hold_fence(connection, claim, LEASE)
                insert_outcomes(connection, claim, completions)
                ending = settle(connection, claim, standing_of(connection, claim), otherwise)
        except LeaseLost:
            assert held is None, "a claim was lost that nobody took"
            return
        assert held is not None, "a lost claim has written"
        held.expired = False
        self.life.write(held, completions)
        assert ending == self.life.settle(held, otherwise)

    def write_all(self, claim: Claim) -> None:
        """Answer all documents that a claim began with, some of them for the second time."""
        places = range(claim.last_seq - claim.first_seq + 1)
        self.write(claim, [(place, True) for place in places], Ending.KEPT)

    def give_back(self, claim: Claim) -> None:
        """Give a chunk back that has something left to answer, without having heard of anything."""
        held = self.life.holds(claim)
        if held is not None and not self.life.job_of(held).unfinished_of(held):
            return
        try:
            with self._store.writing() as connection:
                hold_fence(connection, claim, None)
                release_chunk(connection, claim)
        except LeaseLost:
            assert held is None, "a claim was lost that nobody took"
            return
        assert held is not None, "a lost claim was given back"
        self.life.give_back(held)

    def let_expire(self, chunk: Chunk) -> None:
        """A lease runs out."""
        with self._store.writing() as connection:
            connection.execute(
                update(chunks).where(chunks.c.id == chunk.id).values(lease_expires_at=now(EXPIRED))
            )
        chunk.expired = True

    def rescue_expired(self) -> None:
        """Somebody rescues what has run out."""
        with self._store.writing() as connection:
            report = rescue.rescue_expired(connection, self.life.max_crashes)
        assert report == self.life.rescue(chunk for chunk in self.life.running() if chunk.expired)

    def rescue_held(self, worker_id: int) -> None:
        """A worker's new process rescues what the one before it held."""
        with self._store.writing() as connection:
            report = rescue.rescue_held_by(connection, worker_id, self.life.max_crashes)
        assert report == self.life.rescue(one for one in self.life.running() if one.worker_id == worker_id)

    def cancel(self, job_id: int) -> None:
        """Cancel a job, if it has not ended."""
        with self._store.writing() as connection:
            cancelled = jobs.cancel_job(connection, job_id)
        assert cancelled == self.life.cancel(self.life.jobs[job_id])

    def pause(self, job_id: int) -> None:
        """Pause a job, if it can be."""
        paused = True
        try:
            with self._store.writing() as connection:
                pausing.pause_job(connection, job_id)
        except JobNotPausable:
            paused = False
        assert paused == self.life.pause(self.life.jobs[job_id])

    def resume(self, job_id: int) -> None:
        """Resume a job, if it is paused."""
        resumed = True
        try:
            with self._store.writing() as connection:
                pausing.resume_job(connection, job_id)
        except JobNotPaused:
            resumed = False
        assert resumed == self.life.resume(self.life.jobs[job_id])

    def retry(self, job_id: int, codes: Collection[str]) -> None:
        """Retry what failed of a job, if it has ended and something did."""
        retried = 0
        try:
            with self._store.writing() as connection:
                retried = retrying.retry_failed(connection, job_id, codes)
        except (JobNotRetryable, NothingToRetry):
            pass
        assert retried == self.life.retry(self.life.jobs[job_id], codes)

    def to_the_end(self, work: Callable[[Chunk], None], most_steps: int) -> None:
        """Let all go on, and do `work` with each chunk that runs, until every job has ended."""
        for job_id in list(self.reading):
            self.release_job(job_id)
        for job_id in self.life.jobs:
            self.resume(job_id)
        for _ in range(most_steps):
            for chunk in self.life.running():
                work(chunk)
            self.rescue_expired()
            self.compare()
            if not self.life.waiting(ANY_CRASHES):
                break
            self.take_next(self.workers[0], ANY_CRASHES)
        for job in self.life.jobs.values():
            assert job.state.ended, "the work does not end"
            assert not any(document.unfinished for document in job.documents)

    def compare(self) -> None:
        """The store holds what the model says, and nothing in it contradicts anything else."""
        held = watching.watched(self._store)
        assert held == self.life.jobs
        for job_id, job in held.items():
            check(job)
            for ours, its in zip(self.life.jobs[job_id].chunks, job.chunks, strict=True):
                assert ours.id in (0, its.id), "a chunk has changed its number"
                ours.id = its.id  # what was cut in two is new

    def ended(self) -> list[int]:
        """The jobs that have ended."""
        return [job_id for job_id, job in self.life.jobs.items() if job.state.ended]

    def held(self) -> list[Claim]:
        """The claims that still hold their chunk."""
        return [claim for claim in self.claims if self.life.holds(claim) is not None]

    def claim_of(self, chunk: Chunk) -> Claim:
        """The claim by which a chunk is held."""
        return next(claim for claim in self.claims if self.life.holds(claim) is chunk)

    def _claimant(self, worker_id: int) -> Claimant:
        return Claimant(self._store, MODEL, worker_id, LEASE)

    def _took(self, taken: Assignment | None, wanted: Chunk | None, worker_id: int) -> None:
        if wanted is None:
            assert taken is None, "a chunk was claimed that nobody may take"
            return
        assert taken is not None, f"nothing was claimed, though {wanted} waits"
        job = self.life.job_of(wanted)
        assert taken.claim.chunk_id == wanted.id
        assert [document.seq for document in taken.documents] == job.unfinished_of(wanted)
        self.life.claim(wanted, worker_id)
        assert (taken.claim.attempt, taken.claim.crashes) == (wanted.attempt, wanted.crashes)
        self.claims.append(taken.claim)

    def _completions(self, claim: Claim, outcomes: Iterable[tuple[int, bool]]) -> list[Completion]:
        size = claim.last_seq - claim.first_seq + 1
        return [
            answer(claim.first_seq + at % size, f"answer {next(self._texts)}")
            if answered
            else failure(claim.first_seq + at % size)
            for at, answered in outcomes
        ]
