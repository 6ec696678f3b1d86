"""A store and its model: each deed is done to both, and both must return the same."""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count

from sqlalchemy import update

from qwenq.producer.planning import ChunkPlanner
from qwenq.schemas.chunks import Assignment, Claim, Cut
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import (
    JobNotCancellable,
    JobNotPausable,
    JobNotPaused,
    JobNotRetryable,
    LeaseLost,
    NothingToRetry,
)
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.states import DocumentState, JobState
from qwenq.schemas.tables.core import chunks
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life import cancelling, pausing, rescue, retrying
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.claims import hold_fence, release_chunk
from qwenq.store.life.documents import insert_rows
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.worker.store_process.claiming import ANY_CRASHES
from qwenq.worker.store_process.settling import Ending, Unwritten, write_claim
from qwenq.worker.turn.claimant import Claimant
from tests.builders import EXPIRED, LEASE, MODEL, answer, failure, make_worker
from tests.integration.store.model import watching
from tests.integration.store.model.invariants import check
from tests.integration.store.model.known import row_of
from tests.integration.store.model.looking_up import LookingUp
from tests.integration.store.model.model import Life
from tests.integration.store.model.nouns import Chunk
from tests.integration.store.model.stage_of_halves import Halves
from tests.store_work import claimant_of

WORKERS = 3


class Stage:
    """One store with three workers, and nothing else in it.

    `claims` are all claims ever made, lost ones too; `looked_up` is what claims can write that asked for
    earlier answers.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        watching.empty(store)
        self.workers = [make_worker(store) for _ in range(WORKERS)]
        self.life = Life()
        self.halves = Halves(store, self.life)
        self.claims: list[Claim] = []
        self.looked_up: list[tuple[Claim, Sequence[Outcome]]] = []
        self._reuse = LookingUp(store, self.life)
        self._texts = count()

    def submit(
        self, spec: JobSpec, documents: int, chunk_documents: int, bad: Collection[int], *, released: bool
    ) -> None:
        """Store a job, unless its key names one; unless `released`, its producer still reads."""
        half = self.halves.begin(spec)
        if half is None:
            return
        rows: list[Row] = [
            BadRow(0, at + 1, f"raw {at}", "not JSON") if at in bad else row_of(at) for at in range(documents)
        ]
        planner = ChunkPlanner(chunk_documents, tokens=10**9)
        with self._store.writing() as connection:
            insert_rows(connection, half.job_id, 0, rows, spec.sources)
            insert_chunks(connection, half.job_id, [*planner.add(rows, bad), *planner.finish()])
        job = watching.watched(self._store)[half.job_id]
        wanted = [DocumentState.FAILED if at in bad else DocumentState.PENDING for at in range(documents)]
        assert [one.state for one in job.documents] == wanted
        assert (job.state, job.key, job.reuse) == (JobState.VALIDATING, spec.idempotency_key, spec.reuse)
        job.holder = half.token
        self.life.jobs[half.job_id] = job
        self.halves.storing.append(half)
        if released:
            self.halves.release(half)

    def take_by_message(self, chunk: Chunk, worker_id: int) -> None:
        """Claim the chunk of a message, or else the next one."""
        wanted = chunk if self.life.claimable(chunk) else self.life.waiting(ANY_CRASHES)
        self._note_claim(self._claimant(worker_id).claim(chunk.id), wanted, worker_id)

    def claim_next(self, worker_id: int, most_crashes: int) -> None:
        """A worker claims ahead."""
        wanted = self.life.waiting(most_crashes)
        self._note_claim(self._claimant(worker_id).claim_next(most_crashes), wanted, worker_id)

    def write(self, claim: Claim, outcomes: Iterable[tuple[int, bool]], otherwise: Ending) -> None:
        """Write outcomes as a keeper does: places in the chunk, and whether each is an answer."""
        self._write(claim, self._completions(claim, outcomes), otherwise)

    def look_up(self, claim: Claim) -> None:
        """Ask for earlier answers to what a claim of a job with --reuse has, and answer the rest."""
        if self.life.holds(claim) is not None and self.life.jobs[claim.job_id].reuse:
            texts = (f"answer {number}" for number in self._texts)
            self.looked_up.append((claim, self._reuse.outcomes(claim, texts)))

    def answer(self, claim: Claim) -> None:
        """Answer a claim as its job asks: with earlier answers, or without."""
        if self.life.jobs[claim.job_id].reuse:
            self.look_up(claim)
            self.write_looked_up(-1)
        else:
            self.write_all(claim)

    def pass_through(self, spec: JobSpec, documents: int, chunk_documents: int, worker_id: int) -> None:
        """Submit a job and answer it to its end, unless its key names one."""
        before = set(self.life.jobs)
        self.submit(spec, documents, chunk_documents, (), released=True)
        for job_id in set(self.life.jobs) - before:
            for chunk in list(self.life.jobs[job_id].chunks):
                self.take_by_message(chunk, worker_id)
                self.answer(self.claims[-1])

    def write_looked_up(self, place: int) -> None:
        """Write the answers that were looked up, perhaps late."""
        claim, completions = self.looked_up.pop(place)
        self._write(claim, completions, Ending.KEPT)

    def _write(self, claim: Claim, completions: Sequence[Outcome], otherwise: Ending) -> None:
        held = self.life.holds(claim)
        try:
            with self._store.writing() as connection:
                unwritten = Unwritten(OutcomeRows.of(completions))
                kept = write_claim(connection, claim, unwritten, MODEL, LEASE, otherwise)
        except LeaseLost:
            assert held is None, "a claim was lost that nobody claimed"
            return
        assert held is not None, "a lost claim has written"
        held.expired = False
        self.life.write(held, completions)
        assert kept.ending == self.life.settle(held, otherwise)

    def write_all(self, claim: Claim) -> None:
        """Answer all documents that a claim began with, some of them for the second time."""
        places = range(claim.last_seq - claim.first_seq + 1)
        self.write(claim, [(place, True) for place in places], Ending.KEPT)

    def give_back(self, claim: Claim) -> None:
        """Release a chunk with open documents, without knowing of a cancel."""
        held = self.life.holds(claim)
        if held is not None and not self.life.job_of(held).unfinished_of(held):
            return
        try:
            with self._store.writing() as connection:
                hold_fence(connection, claim, None)
                release_chunk(connection, claim)
        except LeaseLost:
            assert held is None, "a claim was lost that nobody claimed"
            return
        assert held is not None, "a lost claim was given back"
        self.life.give_back(held)

    def share(self, claim: Claim, place: int, begun: Collection[int]) -> None:
        """A worker gives the last documents of its claim away, but for those that it has begun. No suspects."""
        held = self.life.holds(claim)
        assert held is not None
        cuts = [seq for seq in self.life.job_of(held).unfinished_of(held) if seq > held.first]
        if not cuts or claim.suspect:
            return
        first = cuts[place % len(cuts)]
        rest = [seq for seq in cuts if seq >= first]
        keeps = sorted({rest[one] for one in begun if one < len(rest)})
        cut = Cut(first, tuple((seq, seq) for seq in keeps))
        with self._store.writing() as connection:
            kept = write_claim(
                connection, claim, Unwritten(OutcomeRows.of(()), cut=cut), MODEL, LEASE, Ending.KEPT
            )
        held.expired = False
        self.life.share(held, cut)
        assert kept.ending == self.life.settle(held, Ending.KEPT)
        now_held = (kept.claim, *kept.rest)
        place = self.claims.index(claim)
        self.claims[place : place + 1] = now_held
        self.looked_up = [
            (its, [outcome for outcome in outcomes if its.first_seq <= outcome.seq <= its.last_seq])
            for one, outcomes in self.looked_up
            for its in (now_held if one == claim else (one,))
        ]

    def let_expire(self, chunk: Chunk) -> None:
        """A lease runs out."""
        with self._store.writing() as connection:
            connection.execute(
                update(chunks).where(chunks.c.id == chunk.id).values(lease_expires_at=now(EXPIRED))
            )
        chunk.expired = True

    def rescue_expired(self) -> None:
        """Rescue expired leases."""
        with self._store.writing() as connection:
            report = rescue.rescue_expired(connection, self.life.max_crashes)
        assert report == self.life.rescue(chunk for chunk in self.life.running() if chunk.expired)

    def rescue_held(self, worker_id: int) -> None:
        """A new working process rescues what the earlier one held."""
        with self._store.writing() as connection:
            report = rescue.rescue_held_by(connection, worker_id, self.life.max_crashes)
        assert report == self.life.rescue(one for one in self.life.running() if one.worker_id == worker_id)

    def cancel(self, job_id: int) -> None:
        """Cancel a job, if it has not ended."""
        cancelled = True
        try:
            with self._store.writing() as connection:
                cancelling.cancel_job(connection, job_id)
        except JobNotCancellable:
            cancelled = False
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
        """Retry a job's failed documents, if it ended and has any."""
        retried = 0
        try:
            with self._store.writing() as connection:
                retried = retrying.retry_failed(connection, job_id, codes)
        except (JobNotRetryable, NothingToRetry):
            pass
        assert retried == self.life.retry(self.life.jobs[job_id], codes)

    def to_the_end(self, work: Callable[[Chunk], None], most_steps: int) -> None:
        """Do `work` with each running chunk until every job has ended."""
        self.halves.to_the_end(most_steps)
        for job_id in self.life.jobs:
            self.resume(job_id)
        for _ in range(most_steps):
            for chunk in self.life.running():
                work(chunk)
            self.rescue_expired()
            self.compare()
            if not self.life.waiting(ANY_CRASHES):
                break
            self.claim_next(self.workers[0], ANY_CRASHES)
        for job in self.life.jobs.values():
            assert job.state.ended, "the work does not end"
            assert not any(document.unfinished for document in job.documents)

    def compare(self) -> None:
        """Compare store and model, and check the invariants."""
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
        """The claim that holds a chunk."""
        return next(claim for claim in self.claims if self.life.holds(claim) is chunk)

    def _claimant(self, worker_id: int) -> Claimant:
        return claimant_of(self._store, MODEL, worker_id, LEASE)

    def _note_claim(self, assignment: Assignment | None, wanted: Chunk | None, worker_id: int) -> None:
        if wanted is None:
            assert assignment is None, "a chunk was claimed that nobody may claim"
            return
        assert assignment is not None, f"nothing was claimed, though {wanted} waits"
        job = self.life.job_of(wanted)
        assert assignment.claim.chunk_id == wanted.id
        assert [seq for seq, _ in assignment.documents] == job.unfinished_of(wanted)
        self.life.claim(wanted, worker_id)
        assert (assignment.claim.attempt, assignment.claim.crashes) == (wanted.attempt, wanted.crashes)
        self.claims.append(assignment.claim)

    def _completions(self, claim: Claim, outcomes: Iterable[tuple[int, bool]]) -> list[Outcome]:
        size = claim.last_seq - claim.first_seq + 1
        return [
            answer(claim.first_seq + at % size, f"answer {next(self._texts)}")
            if answered
            else failure(claim.first_seq + at % size)
            for at, answered in outcomes
        ]
