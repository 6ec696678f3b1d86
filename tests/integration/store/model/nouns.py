"""Jobs, chunks and documents in plain Python, in which model and store are compared."""

from dataclasses import dataclass, field

from qwenq.schemas.states import ChunkState, DocumentState, JobState
from tests.audit import UNFINISHED


@dataclass(frozen=True)
class Answer:
    """A document's answer, and the attempt that wrote it.

    `reused_from` is the job that it was copied from; a `known` answer may be given to later documents.
    """

    text: str
    attempt: int
    worker_id: int
    reused_from: int | None = None
    known: bool = False


@dataclass
class Document:
    """One row of a job. `past` are its retried failures, oldest first.

    `lone_crashes`: its crashes in a row as the last document of its chunk.
    """

    state: DocumentState = DocumentState.PENDING
    error_code: str | None = None
    answer: Answer | None = None
    past: tuple[str, ...] = ()
    lone_crashes: int = field(default=0, compare=False)

    @property
    def unfinished(self) -> bool:
        """Whether it has no outcome."""
        return self.state in UNFINISHED


@dataclass
class Chunk:
    """A range of a job's documents. `expired`: it runs, and its lease ran out.

    Ids are not compared: the store chooses them.
    """

    first: int
    last: int
    id: int = field(default=0, compare=False)
    state: ChunkState = ChunkState.QUEUED
    attempt: int = 0
    crashes: int = 0
    worker_id: int | None = None
    expired: bool = False


@dataclass
class Job:
    """A job with all that belongs to it, both in input order.

    While it is validating, `holder` is the fence of who stores or removes it, None that of somebody else, and
    `abandoned` that his lease has run out. A `removed` job may lack its last documents.
    """

    state: JobState
    documents: list[Document]
    chunks: list[Chunk]
    paused_from: JobState | None = None
    key: str | None = None
    reuse: bool = False
    abandoned: bool = False
    removed: bool = False
    holder: str | None = field(default=None, compare=False)

    def documents_of(self, chunk: Chunk) -> list[Document]:
        """The documents in a chunk's range."""
        return self.documents[chunk.first : chunk.last + 1]

    def unfinished_of(self, chunk: Chunk) -> list[int]:
        """The places of a chunk's documents that have no outcome."""
        return [seq for seq in range(chunk.first, chunk.last + 1) if self.documents[seq].unfinished]
