"""Stages of a turn: requests come down through them to the engine, outcomes go up through them to the ledger."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import Request
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.turn.job_prompt import JobPrompt


@dataclass(frozen=True, slots=True)
class ClaimedRequests:
    """Requests of one claim on their way down, to be read once; none of them waits for another claim.

    `held` is the claim; `contents` are its documents by seq, JSON objects. With `reuse`, earlier answers may be given
    to them.
    """

    held: OpenClaim
    prompt: JobPrompt
    contents: Mapping[int, str]
    reuse: bool
    requests: Iterator[Request]


Down = Iterator[ClaimedRequests | None]
"""Claim after claim. None: there is nothing to ask for just now, and reading on may wait."""
Up = Callable[[Outcome], None]
"""Takes an outcome on its way up."""


class Stage(Protocol):
    """One stage. A thread that reads ahead calls `requests`, the generating thread `settle`."""

    def requests(self, upstream: Down) -> Down:
        """Pass claims down: untouched where the stage has nothing to do with them, so that this costs nothing."""
        ...

    def settle(self, outcome: Outcome) -> None:
        """Pass an outcome up: as it is, changed, several in its place, or none."""
        ...
