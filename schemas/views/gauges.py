"""What monitoring reads from the store at each scrape."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from operator import add, sub

from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.results import IncompleteCause
from qwenq.schemas.states import DocumentState, JobState
from qwenq.schemas.views.fleet import FleetWorker


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits for a model's workers; `oldest_seconds` since its first chunk was announced or stored."""

    chunks: int
    documents: int
    oldest_seconds: float

    def __add__(self, other: "Waiting") -> "Waiting":
        oldest = max(self.oldest_seconds, other.oldest_seconds)
        return Waiting(self.chunks + other.chunks, self.documents + other.documents, oldest)


@dataclass(frozen=True, slots=True)
class MeasuredBatch:
    """BatchMetrics as stored; ids grow in the order of writing."""

    id: int
    model: str
    rows: int
    prompt_tokens: int
    padded_tokens: int
    prefix_tokens: int
    new_tokens: int
    seconds: float
    together: float
    answer_seconds: AnswerSeconds


@dataclass(frozen=True, slots=True)
class ChunkSums:
    """Sums of the columns of these names over chunks."""

    documents: int
    succeeded: int
    failed: int
    cancelled: int
    attempt: int
    rescues: int
    cut: int
    empty: int
    reasoning_cut: int
    reasoning_ended: int

    def __add__(self, other: "ChunkSums") -> "ChunkSums":
        return ChunkSums(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: "ChunkSums") -> "ChunkSums":
        return ChunkSums(*map(sub, astuple(self), astuple(other)))


@dataclass(frozen=True, slots=True)
class RestedJobs:
    """Ended jobs without a chunk that a worker holds: how many, the newest end as the store has it, and sums."""

    jobs: int
    newest: object
    sums: ChunkSums


@dataclass(frozen=True, slots=True)
class Gauges:
    """The whole store at one moment.

    `open_documents` are those of jobs that have not ended. `incomplete` counts answers. `attempts` and `rescues` are
    sums over all chunks in the store. `rested` is passed to the next reading. `batches` follow the requested one,
    oldest first; `newest_batch` is the last that can be counted by now, or 0.
    """

    jobs: Mapping[JobState, int]
    documents: Mapping[DocumentState, int]
    open_documents: Mapping[DocumentState, int]
    incomplete: Mapping[IncompleteCause, int]
    waiting: Mapping[str, Waiting]
    workers: Sequence[FleetWorker]
    attempts: int
    rescues: int
    poison_documents: int
    batches: Sequence[MeasuredBatch]
    newest_batch: int
    rested: RestedJobs
