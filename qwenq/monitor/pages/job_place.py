"""Where on a job's page a person is: its address, read and written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from qwenq.schemas.errors import UnknownJob
from qwenq.schemas.states import ChunkState

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job, and how far its chunks (of one state, or all) and its answers have been paged: -1 is the beginning."""

    job_id: int
    chunks_after: int = -1
    chunk_state: ChunkState | None = None
    answers_after: int = -1

    @property
    def address(self) -> str:
        """The path of the place."""
        given = {
            "chunk_state": self.chunk_state,
            "chunks_after": self.chunks_after if self.chunks_after >= 0 else None,
            "answers_after": self.answers_after if self.answers_after >= 0 else None,
        }
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"/jobs/{self.job_id}{'?' if query else ''}{query}"

    def part(self, name: str) -> str:
        """Where a part of the page is asked for anew."""
        address = self.address
        return f"{address}{'&' if '?' in address else '?'}part={name}"

    def at_chunks(self, after: int) -> str:
        """The same place, with the chunks that follow a document."""
        return f"{replace(self, chunks_after=after).address}#chunks"

    def at_chunks_of(self, state: ChunkState | None) -> str:
        """The same place, with the first chunks of a state, or of all."""
        return f"{replace(self, chunk_state=state, chunks_after=-1).address}#chunks"

    def at_answers(self, after: int) -> str:
        """The same place, with the answers that follow a document."""
        return f"{replace(self, answers_after=after).address}#answers"


def job_place(job_id: str, given: Mapping[str, str]) -> JobPlace:
    """The place that an address names. Raises ValueError with a sentence."""
    state = given.get("chunk_state", "")
    if state and state not in list(ChunkState):
        raise ValueError(f"chunk_state is one of {', '.join(ChunkState)}.")
    return JobPlace(
        job_id=int(job_id),
        chunks_after=_seq("chunks_after", given),
        chunk_state=ChunkState(state) if state else None,
        answers_after=_seq("answers_after", given),
    )


def unknown_job(job_id: int) -> UnknownJob:
    """What is said of a job that is not there."""
    return UnknownJob(job_id=job_id, store="this Flower's store")


def _seq(name: str, given: Mapping[str, str]) -> int:
    place = given.get(name, "")
    if not place:
        return -1
    if not (place.isascii() and place.isdecimal()) or len(place) > _DIGITS:
        raise ValueError(f"{name} is the place of a document in the input, from 0.")
    return int(place)
