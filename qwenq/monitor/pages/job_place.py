"""A place on a job's page, read from its address and written to one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from qwenq.schemas.errors import UnknownJob
from qwenq.schemas.states import ChunkState

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job, and the document after which its chunks and its answers begin: -1 is the first page.

    `chunk_state` limits the chunks to one state.
    """

    job_id: int
    chunks_after: int = -1
    chunk_state: ChunkState | None = None
    answers_after: int = -1

    @property
    def address(self) -> str:
        """The path and query of the place."""
        given = {
            "chunk_state": self.chunk_state,
            "chunks_after": self.chunks_after if self.chunks_after >= 0 else None,
            "answers_after": self.answers_after if self.answers_after >= 0 else None,
        }
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"/jobs/{self.job_id}{'?' if query else ''}{query}"

    def part(self, name: str) -> str:
        """The address of a live part of the page."""
        address = self.address
        return f"{address}{'&' if '?' in address else '?'}part={name}"

    def at_chunks(self, after: int) -> str:
        """The same place, with the chunks after a document."""
        return f"{replace(self, chunks_after=after).address}#chunks"

    def at_chunks_of(self, state: ChunkState | None) -> str:
        """The same place, with the first chunks in a state, or in any."""
        return f"{replace(self, chunk_state=state, chunks_after=-1).address}#chunks"

    def at_answers(self, after: int) -> str:
        """The same place, with the answers after a document."""
        return f"{replace(self, answers_after=after).address}#answers"


def job_place(job_id: str, given: Mapping[str, str]) -> JobPlace:
    """Read a place from an address. Raises ValueError with a sentence."""
    state = given.get("chunk_state", "")
    if state and state not in list(ChunkState):
        raise ValueError(f"chunk_state must be one of {', '.join(ChunkState)}.")
    return JobPlace(
        job_id=int(job_id),
        chunks_after=place_in_input("chunks_after", given.get("chunks_after", "")),
        chunk_state=ChunkState(state) if state else None,
        answers_after=place_in_input("answers_after", given.get("answers_after", "")),
    )


def unknown_job(job_id: int) -> UnknownJob:
    """The error for a job that does not exist."""
    return UnknownJob(job_id=job_id, store="this Flower's store")


def place_in_input(name: str, place: str) -> int:
    """The position of a document in an address; -1 without one. Raises ValueError with a sentence."""
    if not place:
        return -1
    if not (place.isascii() and place.isdecimal()) or len(place) > _DIGITS:
        raise ValueError(f"{name} must be a document's position in the input, counted from 0.")
    return int(place)
