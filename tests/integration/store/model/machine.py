"""A state machine: Hypothesis chooses what happens to jobs; `Stage` does it to the store and to the model."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Claim
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.store.database.store import Store
from qwenq.worker.store_process.claiming import ANY_CRASHES
from qwenq.worker.store_process.settling import Ending
from tests.builders import MODEL
from tests.integration.store.model.nouns import Chunk
from tests.integration.store.model.stage import Stage

MOST_JOBS = 2
MOST_DOCUMENTS = 6
LEAST_STEPS = 12
"""Before everything is brought to its end: afterwards little can happen."""
T = TypeVar("T")


def _any(choices: Callable[[Stage], list[T]]) -> st.SearchStrategy[T]:
    """Choose one of the present things."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choices(machine.stage)))


WORKER = _any(lambda stage: stage.workers)
# Half of the time a valid claim: in a long run, most claims are lost ones.
CLAIM = _any(lambda stage: stage.held() * len(stage.claims) + stage.claims)
HELD = _any(lambda stage: stage.held())
CHUNK = _any(lambda stage: stage.life.chunks())
RUNNING = _any(lambda stage: stage.life.running())
JOB_ID = _any(lambda stage: list(stage.life.jobs))
# Mostly an ended job: others cannot be retried.
ENDED = _any(lambda stage: stage.ended() * 3 + list(stage.life.jobs))
STORING = _any(lambda stage: stage.halves.storing)
REMOVING = _any(lambda stage: stage.halves.removing)
VALIDATING = _any(lambda stage: stage.halves.validating())
LOOKED_UP = _any(lambda stage: list(range(len(stage.looked_up))))
KEYS = st.sampled_from([None, None, "this night", "that night"])
SPEC = st.builds(
    JobSpec,
    model=st.just(MODEL),
    name=st.just("a job"),
    idempotency_key=KEYS,
    reuse=st.sampled_from([True, True, False]),
)
# Places in the chunk, and whether it is an answer. The same may come twice, or have its outcome already.
OUTCOMES = st.lists(st.tuples(st.integers(0, MOST_DOCUMENTS - 1), st.booleans()), max_size=MOST_DOCUMENTS)
CODES = st.sampled_from([(), ("too_long",), ("poison",), ("too_long", "poison"), ("invalid_row",)])


class LifeOfDocuments(RuleBasedStateMachine):
    """One store, three workers, up to two jobs at once."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.stage = Stage(store)
        self.steps = 0

    @initialize(max_crashes=st.integers(1, 3))
    def begin(self, *, max_crashes: int) -> None:
        """Choose how often a document may crash alone."""
        self.stage.life.max_crashes = max_crashes

    @rule(
        documents=st.integers(1, MOST_DOCUMENTS),
        chunk_documents=st.integers(1, MOST_DOCUMENTS),
        bad=st.sets(st.integers(1, MOST_DOCUMENTS - 1), max_size=2),
        released=st.sampled_from([True, True, True, False]),
        spec=SPEC,
    )
    @precondition(lambda self: self.unended() < MOST_JOBS)
    def submit(
        self, *, documents: int, chunk_documents: int, bad: set[int], released: bool, spec: JobSpec
    ) -> None:
        """Submit a job, perhaps again with its key; unless `released`, it is still being read."""
        self.stage.submit(spec, documents, chunk_documents, bad, released=released)

    @rule(
        documents=st.integers(1, MOST_DOCUMENTS),
        chunk_documents=st.integers(1, MOST_DOCUMENTS),
        spec=SPEC,
        worker_id=WORKER,
    )
    def pass_through(self, *, documents: int, chunk_documents: int, spec: JobSpec, worker_id: int) -> None:
        """Submit a job and answer it to its end."""
        self.stage.pass_through(spec, documents, chunk_documents, worker_id)

    @rule(half=STORING)
    @precondition(lambda self: self.stage.halves.storing)
    def queue_job(self, *, half: HalfJob) -> None:
        """Store the last row of a job, perhaps after another process held it as abandoned."""
        self.stage.halves.release(half)

    @rule(job_id=VALIDATING)
    @precondition(lambda self: self.stage.halves.validating())
    def let_lapse(self, *, job_id: int) -> None:
        """A process that stores or removes a job falls silent."""
        self.stage.halves.let_lapse(job_id)

    @rule(job_id=ENDED, steps=st.integers(0, MOST_DOCUMENTS))
    @precondition(lambda self: self.stage.life.jobs)
    def prune(self, *, job_id: int, steps: int) -> None:
        """Prune a job, wholly or in part."""
        self.stage.halves.prune(job_id, steps)

    @rule(half=REMOVING, steps=st.integers(0, MOST_DOCUMENTS))
    @precondition(lambda self: self.stage.halves.removing)
    def remove(self, *, half: HalfJob, steps: int) -> None:
        """Go on pruning a job, perhaps after another process held it."""
        self.stage.halves.remove(half, steps)

    @rule(half=STORING, steps=st.integers(0, 1))
    @precondition(lambda self: self.stage.halves.storing)
    def give_up(self, *, half: HalfJob, steps: int) -> None:
        """A producer is interrupted, and removes what it stored."""
        self.stage.halves.give_up(half, steps)

    @rule(claim=CLAIM)
    @precondition(lambda self: self.stage.claims)
    def look_up(self, *, claim: Claim) -> None:
        """A worker looks for earlier answers."""
        self.stage.look_up(claim)

    @rule(worker_id=WORKER)
    @precondition(lambda self: self.stage.life.jobs)
    def take_and_answer(self, *, worker_id: int) -> None:
        """A worker claims a chunk and answers all of it, before anything else happens."""
        known = len(self.stage.claims)
        self.stage.claim_next(worker_id, ANY_CRASHES)
        for claim in self.stage.claims[known:]:
            self.stage.answer(claim)

    @rule(place=LOOKED_UP)
    @precondition(lambda self: self.stage.looked_up)
    def write_looked_up(self, *, place: int) -> None:
        """A worker writes earlier and generated answers, perhaps late."""
        self.stage.write_looked_up(place)

    @rule(chunk=CHUNK, worker_id=WORKER)
    @precondition(lambda self: self.stage.life.jobs)
    def take_by_message(self, *, chunk: Chunk, worker_id: int) -> None:
        """A worker gets a message, perhaps late or a duplicate."""
        self.stage.take_by_message(chunk, worker_id)

    @rule(worker_id=WORKER, most_crashes=st.sampled_from([0, CRASHES_IN_COMPANY, ANY_CRASHES]))
    @precondition(lambda self: self.stage.life.jobs)
    def claim_next(self, *, worker_id: int, most_crashes: int) -> None:
        """A worker claims ahead."""
        self.stage.claim_next(worker_id, most_crashes)

    @rule(claim=CLAIM, outcomes=OUTCOMES, otherwise=st.sampled_from([Ending.KEPT, Ending.RELEASED]))
    @precondition(lambda self: self.stage.claims)
    def write(self, *, claim: Claim, outcomes: list[tuple[int, bool]], otherwise: Ending) -> None:
        """A worker writes outcomes, perhaps after it lost the chunk."""
        self.stage.write(claim, outcomes, otherwise)

    @rule(claim=CLAIM)
    @precondition(lambda self: self.stage.claims)
    def write_all(self, *, claim: Claim) -> None:
        """A worker has answered each document of its claim."""
        self.stage.write_all(claim)

    @rule(claim=CLAIM)
    @precondition(lambda self: self.stage.claims)
    def give_back(self, *, claim: Claim) -> None:
        """A stopping worker releases its chunk."""
        self.stage.give_back(claim)

    @rule(
        claim=HELD,
        place=st.integers(0, MOST_DOCUMENTS),
        begun=st.sets(st.integers(0, MOST_DOCUMENTS), max_size=2),
    )
    @precondition(lambda self: self.stage.held())
    def share(self, *, claim: Claim, place: int, begun: set[int]) -> None:
        """A worker gives what it has not begun to an idle one."""
        self.stage.share(claim, place, begun)

    @rule(chunk=RUNNING)
    @precondition(lambda self: self.stage.life.running())
    def let_expire(self, *, chunk: Chunk) -> None:
        """A lease runs out."""
        self.stage.let_expire(chunk)

    @rule()
    @precondition(lambda self: self.stage.life.running())
    def rescue_expired(self) -> None:
        """Any process rescues expired leases."""
        self.stage.rescue_expired()

    @rule(worker_id=WORKER)
    @precondition(lambda self: self.stage.life.running())
    def rescue_held(self, *, worker_id: int) -> None:
        """A new working process rescues what the earlier one held."""
        self.stage.rescue_held(worker_id)

    @rule(job_id=JOB_ID)
    @precondition(lambda self: self.stage.life.jobs)
    def cancel(self, *, job_id: int) -> None:
        """Cancel a job."""
        self.stage.cancel(job_id)

    @rule(job_id=JOB_ID)
    @precondition(lambda self: self.stage.life.jobs)
    def pause(self, *, job_id: int) -> None:
        """Pause a job."""
        self.stage.pause(job_id)

    @rule(job_id=JOB_ID)
    @precondition(lambda self: self.stage.life.jobs)
    def resume(self, *, job_id: int) -> None:
        """Resume a job."""
        self.stage.resume(job_id)

    @rule(job_id=ENDED, codes=CODES)
    @precondition(lambda self: self.stage.life.jobs)
    def retry(self, *, job_id: int, codes: tuple[str, ...]) -> None:
        """Retry a job's failed documents, with some codes or all."""
        self.stage.retry(job_id, codes)

    @rule(claim=HELD)
    @precondition(lambda self: self.stage.held())
    def stop_beside_a_cancel(self, *, claim: Claim) -> None:
        """A worker stops just as its job is cancelled."""
        self.stage.cancel(claim.job_id)
        self.stage.give_back(claim)

    @rule(go_down=st.booleans(), codes=CODES)
    @precondition(lambda self: self.unended() and self.steps > LEAST_STEPS)
    def to_the_end(self, *, go_down: bool, codes: tuple[str, ...]) -> None:
        """Workers answer all that is left, or crash with it repeatedly; failed documents are retried."""
        self.steps = 0
        if go_down:
            self.stage.to_the_end(self.stage.let_expire, self.most_steps())
        else:
            self.stage.to_the_end(
                lambda chunk: self.stage.answer(self.stage.claim_of(chunk)), self.most_steps()
            )
        for job_id in self.stage.life.jobs:
            self.stage.retry(job_id, codes)

    @invariant()
    def store_and_model_agree(self) -> None:
        """Store and model agree."""
        self.steps += 1
        self.stage.compare()

    def unended(self) -> int:
        """Count the open jobs."""
        return len(self.stage.life.jobs) - len(self.stage.ended())

    def most_steps(self) -> int:
        """The most attempts: each document alone, after as many halvings as documents, each after its crashes."""
        return MOST_JOBS * MOST_DOCUMENTS * 2 * (self.stage.life.max_crashes + CRASHES_IN_COMPANY + 2)
