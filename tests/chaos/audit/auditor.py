"""The auditor of a run: the promises that must hold, and each place where one is broken."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qwenq.schemas.errors import GenerationFailed
from qwenq.schemas.states import (
    ENDED_JOB_STATES,
    ChunkState,
    DocumentState,
    JobState,
)
from qwenq.store.life.rescue import POISON
from tests.audit import UNFINISHED
from tests.chaos.audit.claims_held import claims_held
from tests.chaos.audit.evidence import Evidence
from tests.chaos.audit.retries import Retries
from tests.chaos.audit.reused_answers import Reused
from tests.chaos.audit.takeovers import takeovers
from tests.chaos.audit.unfinished_claims import Ends
from tests.chaos.audit.waste import Waste
from tests.chaos.engines.log import ROWS, Deed
from tests.chaos.world.orders import DEADLY, FLAWED
from tests.chaos.world.world import LEASE_SECONDS

TAKEOVER_SECONDS = LEASE_SECONDS + 5


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and where."""

    promise: str
    where: str


def violations(evidence: Evidence) -> list[Violation]:
    """All broken promises."""
    return [Violation(promise, where) for promise, look in PROMISES.items() for where in look(evidence)]


def _promised_jobs_are_whole(evidence: Evidence) -> Iterator[str]:
    """A job whose producer got exit code 0 is stored, and a job that can run has all its documents."""
    stored = {job.name: job for job in evidence.jobs}
    ids = defaultdict(set)
    for document in evidence.documents:
        ids[document.job].add(document.custom_id)
    for receipt in evidence.receipts:
        order = receipt.order
        job = stored.get(order.name)
        if job is None or job.state == JobState.VALIDATING:
            if receipt.exit_code == 0:
                yield f"{order.name}: its producer was told that it is stored"
        elif job.state != JobState.CANCELLED and ids[job.id] != set(order.ids):
            yield f"{order.name}, job {job.id}: {len(ids[job.id])} of {len(order.texts)} documents"


def _nothing_is_stranded(evidence: Evidence) -> Iterator[str]:
    for job in evidence.jobs:
        if job.state not in ENDED_JOB_STATES and job.state != JobState.VALIDATING:
            yield f"job {job.id} is {job.state}"
    validating = {job.id for job in evidence.jobs if job.state == JobState.VALIDATING}
    for document in evidence.documents:
        if document.state in UNFINISHED and document.job not in validating:
            yield f"job {document.job} document {document.seq} is {document.state}"
    for chunk in (*evidence.running_chunks, *evidence.waiting_chunks):
        yield f"chunk {chunk} is not done"
    if evidence.left_messages:
        yield f"{evidence.left_messages} messages wait, though no chunk does"
    for process in evidence.left_processes:
        yield f"a process is left: {process}"


def _half_jobs_never_ran(evidence: Evidence) -> Iterator[str]:
    validating = {job.id for job in evidence.jobs if job.state == JobState.VALIDATING}
    for generation in evidence.generations:
        if generation.job in validating:
            yield f"job {generation.job} document {generation.seq} was generated, the job is not whole"


def _each_document_has_one_outcome(evidence: Evidence) -> Iterator[str]:
    yield from Retries(evidence).doubled()
    for document in evidence.documents:
        if (document.answer is not None) != (document.state == DocumentState.SUCCEEDED):
            where = f"job {document.job} document {document.seq}"
            yield f"{where} is {document.state}, its answer is {document.answer!r}"
    written = Counter((write.job, write.seq) for write in evidence.result_writes)
    for (job, seq), times in written.items():
        if times > 1:
            yield f"job {job} document {seq}: its answer was written {times} times"


def _retries_keep_what_was(evidence: Evidence) -> Iterator[str]:
    yield from Retries(evidence).forgotten()


def _answers_come_from_who_held_the_fence(evidence: Evidence) -> Iterator[str]:
    generated = {
        (one.job, one.seq, one.chunk, one.attempt): one for one in evidence.generations if one.ended_at
    }
    reused = {(one.job, one.seq) for one in evidence.documents if one.reused_from is not None}
    for write in evidence.result_writes:
        where = f"job {write.job} document {write.seq}, chunk {write.chunk} attempt {write.attempt}"
        if (write.fence, write.chunk_state) != (write.attempt, ChunkState.RUNNING):
            yield f"{where}: written while the chunk was {write.chunk_state} at attempt {write.fence}"
        named = (write.job, write.seq, write.chunk, write.attempt)
        if named not in generated and (write.job, write.seq) not in reused:
            yield f"{where}: written, but no engine ended it"
    for change in evidence.chunk_changes:
        claimed = change.was == ChunkState.QUEUED and change.became == ChunkState.RUNNING
        if change.attempt - change.attempt_was != (1 if claimed else 0):
            yield f"chunk {change.chunk}: attempt {change.attempt_was} became {change.attempt} without a claim"


def _answers_are_right(evidence: Evidence) -> Iterator[str]:
    orders = {receipt.order.name: receipt.order for receipt in evidence.receipts}
    names = {job.id: job.name for job in evidence.jobs}
    for document in evidence.documents:
        order = orders[names[document.job]]
        text, answer = order.texts[document.seq], order.answer(document.seq)
        where = f"job {document.job} document {document.seq}"
        if document.text != text:
            yield f"{where}: stored as {document.text!r}, it was {text!r}"
        if document.answer is not None and document.answer != answer:
            yield f"{where}: answered {document.answer!r} instead of {answer!r}"


def _only_what_must_fail_does(evidence: Evidence) -> Iterator[str]:
    for document in evidence.documents:
        where = f"job {document.job} document {document.seq}"
        failures = {*document.past, document.error_code} - {None}
        if not failures <= {_code_of(document.text)}:
            yield f"{where} failed: {', '.join(map(str, failures))}"
        if DEADLY in document.text and document.state == DocumentState.SUCCEEDED:
            yield f"{where} kills its process, and has an answer"


def _code_of(text: str) -> str | None:
    """The error code of a document that must fail; None for others."""
    if DEADLY in text:
        return POISON
    return GenerationFailed.code if FLAWED in text else None


def _reused_answers_are_told(evidence: Evidence) -> Iterator[str]:
    yield from Reused(evidence, claims_held(evidence.chunk_changes)).misled()


def _nothing_known_is_computed_again(evidence: Evidence) -> Iterator[str]:
    waste = Waste(evidence)
    for one in waste.needless:
        yield f"job {one.job} document {one.seq} had its outcome before attempt {one.attempt} began it again"
    yield from Reused(evidence, waste.claims).needless()


def _an_end_costs_what_was_in_flight_and_a_second(evidence: Evidence) -> Iterator[str]:
    waste = Waste(evidence)
    if waste.most_in_flight > ROWS:
        yield f"{waste.most_in_flight} documents were in flight in one process as it ended; it takes {ROWS}"
    yield from Ends(waste).too_dear(ROWS)


def _killed_workers_are_replaced_in_time(evidence: Evidence) -> Iterator[str]:
    for takeover in takeovers(evidence, claims_held(evidence.chunk_changes)):
        if takeover.calm and takeover.seconds > TAKEOVER_SECONDS:
            yield f"chunk {takeover.chunk} ran elsewhere after {takeover.seconds:.1f} s"


def _the_store_is_sound(evidence: Evidence) -> Iterator[str]:
    yield from evidence.unsound


def _the_log_is_whole(evidence: Evidence) -> Iterator[str]:
    """An engine that notes nothing would pass every other check."""
    ended = {(one.job, one.seq) for one in evidence.generations if one.ended_at is not None}
    for document in evidence.documents:
        generated = document.state == DocumentState.SUCCEEDED and document.reused_from is None
        if generated and (document.job, document.seq) not in ended:
            yield f"job {document.job} document {document.seq} was answered, no engine noted it"
    if not any(note.deed == Deed.ENDED for note in evidence.notes):
        yield "no engine noted anything"


PROMISES: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "what was submitted is stored whole": _promised_jobs_are_whole,
    "nothing is stranded": _nothing_is_stranded,
    "half a job never runs": _half_jobs_never_ran,
    "each document has one outcome a round": _each_document_has_one_outcome,
    "a retry keeps how it failed before": _retries_keep_what_was,
    "an answer comes from who held the fence": _answers_come_from_who_held_the_fence,
    "each answer is right": _answers_are_right,
    "only deadly and flawed documents fail": _only_what_must_fail_does,
    "a reused answer is an earlier one's, and told as such": _reused_answers_are_told,
    "what was written is not computed again": _nothing_known_is_computed_again,
    "an ended claim costs what was in flight and its last second": _an_end_costs_what_was_in_flight_and_a_second,
    "a killed worker's chunk runs elsewhere within lease + 5 s": _killed_workers_are_replaced_in_time,
    "the store's rows fit together": _the_store_is_sound,
    "the engines' log is whole": _the_log_is_whole,
}
