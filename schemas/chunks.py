"""A chunk: the documents that one Celery message stands for, and one worker's claim of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.states import JobState, WorkerState
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights

PendingDocument = tuple[int, str]
"""A document without an outcome: its seq, and its content, a JSON object. A plain tuple: many are pickled."""

CRASHES_IN_COMPANY = 1
"""After how many crashes a chunk is still answered beside others. All chunks of a lost worker crash once: other workers
claim them beside their own, or they would wait until some worker has nothing else to do."""


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """Documents `first_seq` to `last_seq` of a job, both included; `rejected` of them are bad rows."""

    first_seq: int
    last_seq: int
    rejected: int = 0

    @property
    def documents(self) -> int:
        """How many rows it holds, bad ones included."""
        return self.last_seq - self.first_seq + 1


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt of one worker at one chunk: documents `first_seq` to `last_seq` of a job, both included.

    `crashes` counts the attempts just before this one whose worker was lost.
    """

    chunk_id: int
    job_id: int
    attempt: int
    worker_id: int
    first_seq: int
    last_seq: int
    crashes: int = 0

    @property
    def ids(self) -> dict[str, int]:
        """The ids of the claim for a log line."""
        return {
            "job": self.job_id,
            "chunk": self.chunk_id,
            "attempt": self.attempt,
            "worker": self.worker_id,
        }

    @property
    def suspect(self) -> bool:
        """Whether it must be answered alone, so that its next crash cannot be another chunk's fault."""
        return self.crashes > CRASHES_IN_COMPANY


@dataclass(frozen=True, slots=True)
class Cut:
    """How a claimed chunk is shared: documents from `first` on wait for another worker.

    But for the ranges `kept`, each from its first to its last document: the holder has begun to answer them.
    """

    first: int
    kept: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a claim has to answer: the job's prompt and parameters, and the documents without an outcome.

    With `reuse`, earlier answers may be given to them. `ids` are the documents' own ids, by seq. `weights` are those
    that began the job, or unknown ones if any will do. Somebody waits for the answers to an `urgent` one.
    """

    claim: Claim
    prompt: PromptSpec
    params: GenerationParams
    documents: Sequence[PendingDocument]
    reuse: bool = False
    ids: Mapping[int, str] = field(default_factory=dict)
    weights: LoadedWeights = UNKNOWN_WEIGHTS
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a worker learns with each renewal; `unfinished` counts the chunk's documents without an outcome."""

    job: JobState
    worker: WorkerState
    unfinished: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the broker is to know: a chunk waits for a worker with this model."""

    chunk_id: int
    model: str
    priority: str


@dataclass(frozen=True, slots=True)
class RescueReport:
    """What a rescue did: chunks put back, chunks halved, and documents failed as poison."""

    requeued: int = 0
    halved: int = 0
    poisoned: int = 0

    @property
    def found(self) -> int:
        """How many claims were lost."""
        return self.requeued + self.halved + self.poisoned

    def __add__(self, other: "RescueReport") -> "RescueReport":
        """Both reports in one."""
        return RescueReport(
            self.requeued + other.requeued,
            self.halved + other.halved,
            self.poisoned + other.poisoned,
        )
