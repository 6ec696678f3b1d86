"""The feed of a turn: it claims chunk after chunk, and renders their documents.

The engine reads ahead, so that it never runs dry between two chunks. Urgent chunks overtake what is being read.
"""

import threading
from collections.abc import Generator, Iterator

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.job_prompt import JobPrompt
from qwenq.worker.turn.next_claim import NextClaim, Opened
from qwenq.worker.turn.stage import ClaimedRequests, Down


class Feed:
    """The claims of one turn. One thread reads them; others may `hurry` and `close`."""

    def __init__(self, claimant: Claimant, ledger: Ledger, first: Assignment, model: ModelInfo) -> None:
        self._model = model
        self._ledger = ledger
        self._next = NextClaim(claimant, ledger)
        self._first = Opened(first, ledger.open(first))
        self._hurried = threading.Event()

    def claims(self) -> Down:
        """Each claim with its requests. A document that cannot be rendered fails at once.

        Waits while nothing can be claimed and something is being answered; ends after the last claim.
        """
        opened: Opened | None = self._first
        while opened is not None:
            yield self._rendered(*opened)
            opened = yield from self._until_next()
            if opened is not None:
                self._next.begin()

    def urgent(self) -> Iterator[ClaimedRequests]:
        """Urgent claims that came since the last call, each with its requests."""
        while opened := self._pop_urgent():
            yield self._rendered(*opened)

    def hurry(self) -> None:
        """Claim urgent chunks before anything else is read."""
        self._hurried.set()
        self._ledger.wake()

    def close(self) -> None:
        """Claim nothing more. A claim that was under way is open when this returns."""
        self._next.close()

    def _rendered(self, assignment: Assignment, held: OpenClaim) -> ClaimedRequests:
        prompt = JobPrompt.of(assignment.prompt, assignment.params, self._model)
        requests = self._requests(assignment, held, prompt)
        return ClaimedRequests(held, prompt, dict(assignment.documents), assignment.reuse, requests)

    def _requests(self, assignment: Assignment, held: OpenClaim, prompt: JobPrompt) -> Iterator[Request]:
        note_step = self._ledger.watch.note_step
        rendered = prompt.requests(assignment)
        for place, (seq, _) in enumerate(assignment.documents):
            if held.is_over:
                return
            if held.is_paused:
                # The engine is asked to begin nothing more, but an engine that waits for this thread cannot answer.
                held.drop([seq for seq, _ in assignment.documents[place:]])
                return
            if not held.begin(seq):
                return
            note_step()
            request = next(rendered)
            if isinstance(request, DocumentFailed):
                self._ledger.add(Outcome.failed(seq, request, held.claim.chunk_id))
            else:
                yield request

    def _pop_urgent(self) -> Opened | None:
        if not self._hurried.is_set():
            return None
        self._hurried.clear()
        if opened := self._next.pop_urgent():
            self._hurried.set()  # more may wait
        return opened

    def _until_next(self) -> Generator[None, None, Opened | None]:
        """Wait for the next claim, with nothing to ask for meanwhile. Returns None when the turn claims no more."""
        while self._ledger.goes_on:
            seen = self._ledger.changes
            yield None
            beside = self._ledger.claims()
            may_claim = self._next.may_claim
            if opened := self._pop_urgent() or self._next.pop():
                return opened
            if not (beside and may_claim):
                return None
            self._ledger.wait_for_change(seen, self._next.look_again_seconds)
        return None
