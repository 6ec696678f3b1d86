"""What monitoring reads from the store at each look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.answer_seconds import AnswerSeconds
from schemas.fleet import FleetWorker
from schemas.states import DocumentState, JobState


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a model's workers; `oldest_seconds` since its first chunk was announced, or stored."""

    chunks: int
    documents: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class MeasuredBatch:
    """What BatchMetrics say of a stretch of generation, as the store has it; ids grow in the order of writing."""

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
class Gauges:
    """The whole store at one moment.

    `open_documents` are those of jobs that have not ended; `attempts` and `rescues` the sums over the chunks that are
    in the store. `batches` are those after the one that was asked for, oldest first; `newest_batch` is the last that
    can be told by now, 0 where there is none.
    """

    jobs: Mapping[JobState, int]
    documents: Mapping[DocumentState, int]
    open_documents: Mapping[DocumentState, int]
    waiting: Mapping[str, Waiting]
    workers: Sequence[FleetWorker]
    attempts: int
    rescues: int
    poison_documents: int
    batches: Sequence[MeasuredBatch]
    newest_batch: int
