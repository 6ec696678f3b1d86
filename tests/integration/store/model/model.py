"""The model: the life of documents in plain Python. It says what the store must hold after each step.

Each method changes the jobs, and returns what the store must return. There is no SQL here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Claim, Cut, RescueReport
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.states import CLAIMABLE_JOB_STATES, ChunkState, DocumentState, JobState
from qwenq.worker.store_process.settling import Ending
from tests.integration.store.model.known import answered, forget_elsewhere
from tests.integration.store.model.nouns import Chunk, Document, Job

POISON = "poison"
BAD_ROW = "invalid_row"
_RETRYABLE = (JobState.COMPLETED, JobState.FAILED)


@dataclass
class Life:
    """All jobs by id, in the order of submission. `max_crashes`: how often a document may crash alone."""

    max_crashes: int = 2
    jobs: dict[int, Job] = field(default_factory=dict)

    def queue_job(self, job: Job) -> None:
        """Queue a job after its last row, unless it was cancelled."""
        if job.state == JobState.VALIDATING:
            job.state, job.abandoned = JobState.QUEUED, False

    def waiting(self, most_crashes: int) -> Chunk | None:
        """The next chunk with at most so many crashes."""
        for job in self.jobs.values():
            if job.state in CLAIMABLE_JOB_STATES:
                for chunk in job.chunks:
                    if chunk.state == ChunkState.QUEUED and chunk.crashes <= most_crashes:
                        return chunk
        return None

    def claimable(self, chunk: Chunk) -> bool:
        """Whether a message of this chunk leads to a claim of it."""
        return chunk.state == ChunkState.QUEUED and self.job_of(chunk).state in CLAIMABLE_JOB_STATES

    def claim(self, chunk: Chunk, worker_id: int) -> None:
        """Claim a waiting chunk."""
        job = self.job_of(chunk)
        job.state = JobState.RUNNING
        chunk.state, chunk.worker_id, chunk.expired = ChunkState.RUNNING, worker_id, False
        chunk.attempt += 1
        _move(job, chunk, DocumentState.PENDING, DocumentState.RUNNING)

    def holds(self, claim: Claim) -> Chunk | None:
        """The chunk that a claim still holds; None when it was lost, or is gone with its job.

        SQLite gives the numbers of what was removed to what is new: a claim goes by all four of its own.
        """
        job = self.jobs.get(claim.job_id)
        for chunk in job.chunks if job else ():
            if (chunk.id, chunk.attempt, chunk.worker_id) == (claim.chunk_id, claim.attempt, claim.worker_id):
                return chunk if chunk.state == ChunkState.RUNNING else None
        return None

    def write(self, chunk: Chunk, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes; the first for each document counts, and answers come before failures."""
        job, written = self.job_of(chunk), 0
        for outcome in sorted(outcomes, key=lambda one: one.failure is not None):
            document = job.documents[outcome.seq]
            if not document.unfinished:
                continue
            written += 1
            if outcome.failure is None:
                document.state = DocumentState.SUCCEEDED
                document.answer = answered(outcome, chunk)
                if document.answer.reused_from is not None and document.answer.known:
                    forget_elsewhere(self.jobs, job, outcome.seq)
            else:
                document.state, document.error_code = DocumentState.FAILED, outcome.failure.code
        if written:
            chunk.crashes = 0
            for document in job.documents_of(chunk):
                document.lone_crashes = 0

    def settle(self, chunk: Chunk, otherwise: Ending) -> Ending:
        """Finish or drop a claim if it is over, else keep or release it."""
        job = self.job_of(chunk)
        if not job.unfinished_of(chunk):
            self._finish(chunk)
            return Ending.FINISHED
        if job.state == JobState.CANCELLED:
            self._drop(chunk)
            return Ending.DROPPED
        if otherwise == Ending.RELEASED:
            self._put_back(chunk)
        return otherwise

    def give_back(self, chunk: Chunk) -> None:
        """Release a chunk, without knowing of a cancel."""
        if self.job_of(chunk).state == JobState.CANCELLED:
            self._drop(chunk)
        else:
            self._put_back(chunk)

    def share(self, chunk: Chunk, cut: Cut) -> None:
        """Cut a running chunk: its holder keeps what is before the cut and what it has begun, and the rest waits."""
        job = self.job_of(chunk)
        if job.state == JobState.CANCELLED:
            return
        last, place = chunk.last, job.chunks.index(chunk) + 1
        chunk.last = cut.first - 1
        edges = sorted(
            {cut.first, *(edge for first, end in cut.kept for edge in (first, end + 1))} - {last + 1}
        )
        for first, following in zip(edges, [*edges[1:], last + 1], strict=True):
            piece = Chunk(first, following - 1, crashes=chunk.crashes)
            if any(first == kept for kept, _ in cut.kept):
                piece.state, piece.worker_id, piece.attempt = ChunkState.RUNNING, chunk.worker_id, 1
            job.chunks.insert(place, piece)
            place += 1
            if piece.state == ChunkState.QUEUED:
                _move(job, piece, DocumentState.RUNNING, DocumentState.PENDING)

    def cancel(self, job: Job) -> bool:
        """Cancel a job: what waits ends at once."""
        if job.state.ended or job.removed:
            return False
        job.state, job.paused_from, job.abandoned = JobState.CANCELLED, None, False
        for chunk in job.chunks:
            if chunk.state == ChunkState.QUEUED:
                self._drop(chunk)
        return True

    def pause(self, job: Job) -> bool:
        """Pause a job: no more of it is claimed."""
        if job.state not in CLAIMABLE_JOB_STATES:
            return False
        job.state, job.paused_from = JobState.PAUSED, job.state
        return True

    def resume(self, job: Job) -> bool:
        """Resume a paused job."""
        if job.state != JobState.PAUSED or job.paused_from is None:
            return False
        job.state, job.paused_from = job.paused_from, None
        return True

    def retry(self, job: Job, codes: Collection[str]) -> int:
        """Queue failed documents of an ended job again. Returns how many."""
        if job.state not in _RETRYABLE:
            return 0
        chosen = [at for at, one in enumerate(job.documents) if _is_chosen(one, codes)]
        for at in chosen:
            if job.documents[at].error_code == POISON:
                _isolate(job, at)
        for chunk in job.chunks:
            its = [job.documents[at] for at in chosen if chunk.first <= at <= chunk.last]
            if its:
                chunk.state, chunk.worker_id = ChunkState.QUEUED, None
                poisonous = any(one.error_code == POISON for one in its)
                chunk.crashes = CRASHES_IN_COMPANY + 1 if poisonous else 0
            for document in its:
                document.past = (*document.past, document.error_code or "")
                document.state, document.error_code, document.lone_crashes = DocumentState.PENDING, None, 0
        if chosen:
            job.state = JobState.QUEUED
        return len(chosen)

    def rescue(self, stranded: Iterable[Chunk]) -> RescueReport:
        """Rescue chunks."""
        report = RescueReport()
        for chunk in list(stranded):
            report += self._rescue(chunk)
        return report

    def running(self) -> list[Chunk]:
        """The running chunks."""
        return [chunk for chunk in self.chunks() if chunk.state == ChunkState.RUNNING]

    def chunks(self) -> list[Chunk]:
        """The chunks of all jobs."""
        return [chunk for job in self.jobs.values() for chunk in job.chunks]

    def chunk(self, chunk_id: int) -> Chunk:
        """A chunk by its id."""
        return next(chunk for chunk in self.chunks() if chunk.id == chunk_id)

    def job_of(self, chunk: Chunk) -> Job:
        """The job that a chunk belongs to."""
        return next(job for job in self.jobs.values() if any(one is chunk for one in job.chunks))

    def _rescue(self, chunk: Chunk) -> RescueReport:
        job = self.job_of(chunk)
        unfinished = job.unfinished_of(chunk)
        if job.state == JobState.CANCELLED:
            self._drop(chunk)
            return RescueReport()
        if not unfinished:
            self._finish(chunk)
            return RescueReport()
        chunk.crashes += 1
        if len(unfinished) == 1:
            job.documents[unfinished[0]].lone_crashes += 1
        if chunk.crashes <= self.max_crashes + CRASHES_IN_COMPANY:
            self._put_back(chunk)
            return RescueReport(requeued=1)
        if len(unfinished) > 1:
            self._put_back(chunk)
            self._halve(job, chunk, unfinished)
            return RescueReport(halved=1)
        poison = job.documents[unfinished[0]]
        assert poison.lone_crashes >= self.max_crashes, "a document failed before its crashes"
        poison.state, poison.error_code = DocumentState.FAILED, POISON
        chunk.crashes = 0
        self._finish(chunk)
        return RescueReport(poisoned=1)

    def _halve(self, job: Job, chunk: Chunk, unfinished: list[int]) -> None:
        cut = len(unfinished) // 2
        upper = Chunk(unfinished[cut], chunk.last)
        chunk.last = unfinished[cut] - 1
        for half, own in ((chunk, unfinished[:cut]), (upper, unfinished[cut:])):
            half.crashes = CRASHES_IN_COMPANY + (self.max_crashes if len(own) > 1 else 1)
        job.chunks.insert(job.chunks.index(chunk) + 1, upper)

    def _put_back(self, chunk: Chunk) -> None:
        chunk.state, chunk.worker_id, chunk.expired = ChunkState.QUEUED, None, False
        _move(self.job_of(chunk), chunk, DocumentState.RUNNING, DocumentState.PENDING)

    def _finish(self, chunk: Chunk) -> None:
        job = self.job_of(chunk)
        chunk.state, chunk.expired = ChunkState.DONE, False
        done = all(one.state == ChunkState.DONE for one in job.chunks)
        if not done or job.state.ended:
            return
        succeeded = any(one.state == DocumentState.SUCCEEDED for one in job.documents)
        job.state, job.paused_from = JobState.COMPLETED if succeeded else JobState.FAILED, None

    def _drop(self, chunk: Chunk) -> None:
        chunk.state, chunk.expired = ChunkState.DONE, False
        for document in self.job_of(chunk).documents_of(chunk):
            if document.unfinished:
                document.state = DocumentState.CANCELLED


def _is_chosen(document: Document, codes: Collection[str]) -> bool:
    code = document.error_code
    return code is not None and code != BAD_ROW and (code in codes or not codes)


def _isolate(job: Job, at: int) -> None:
    """Give poison documents chunks of their own."""
    chunk = next(one for one in job.chunks if one.first <= at <= one.last)
    for cut in (at, at + 1):
        if chunk.first < cut <= chunk.last:
            upper = Chunk(cut, chunk.last, state=chunk.state, crashes=chunk.crashes)
            chunk.last = cut - 1
            job.chunks.insert(job.chunks.index(chunk) + 1, upper)
            chunk = upper


def _move(job: Job, chunk: Chunk, before: DocumentState, after: DocumentState) -> None:
    for document in job.documents_of(chunk):
        if document.state == before:
            document.state = after
