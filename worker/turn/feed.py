"""What the engine is fed with in one turn: the documents of a claim, and of the next, as long as chunks wait.

The engine reads ahead, so that it never runs dry between two chunks.
"""

import logging
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import islice

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.errors import DocumentFailed, InvalidOverride, InvalidParameter
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import Request
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.long_documents.asking import Asking
from qwenq.worker.long_documents.long_document import LongDocument
from qwenq.worker.long_documents.stage import LongDocuments
from qwenq.worker.reuse.stage import Reuse
from qwenq.worker.turn.claimant import Claimant
from qwenq.worker.turn.next_claim import NextClaim

QUICK_SECONDS = 0.1
"""A chunk that the engine asked for in less: then the next is claimed ahead, or the device would wait for each claim.
Where chunks last, nothing is claimed ahead: it could be answered elsewhere meanwhile."""
LOOK_AGAIN_SECONDS = 1.0
LOOKED_UP_AT_ONCE = 250
"""Documents whose earlier answers are looked for in one query: few enough that the first ones begin soon."""

_log = logging.getLogger("qwenq.worker")


class Feed:
    """The requests of one turn. One thread reads them; another may `close`."""

    def __init__(
        self, claimant: Claimant, keeper: Keeper, reuse: Reuse, long: LongDocuments, first: Assignment
    ) -> None:
        self._keeper = keeper
        self._reuse = reuse
        self._long = long
        self._first = first
        self._next = NextClaim(claimant, keeper)
        keeper.open(first)

    def requests(self) -> Iterator[Request]:
        """Each document of each claim, rendered; one that cannot be rendered fails at once. Long ones come in parts.

        Waits while there is nothing to claim and something is being answered; ends with the last claim.
        """
        assignment: Assignment | None = self._first
        while assignment is not None:
            began = time.monotonic()
            for request in self._requests_of(assignment):
                if self._long.any_answered:
                    yield from self._long.next_level()
                yield request
            was_quick = time.monotonic() - began < QUICK_SECONDS
            assignment = yield from self._until_next()
            if assignment is not None and was_quick:
                self._next.begin()

    def close(self) -> None:
        """Claim nothing any more. A claim that is under way is open by then."""
        self._next.close()

    def _requests_of(self, assignment: Assignment) -> Iterator[Request]:
        """What is to be generated of a claim; the last request says so."""
        asking = Asking.of(assignment.prompt, assignment.params)
        rendered = self._rendered(assignment, asking)
        unanswered = self._unanswered(assignment.claim, rendered) if assignment.reuse else rendered
        held_back: Request | None = None
        for request in self._in_parts(assignment, asking, unanswered):
            if held_back is not None:
                yield held_back
            held_back = request
        if held_back is not None and self._keeper.is_open(assignment.claim):
            yield replace(held_back, closes_group=True)

    def _in_parts(
        self, assignment: Assignment, asking: Asking, requests: Iterator[Request]
    ) -> Iterator[Request]:
        """The same requests; where documents are cut, those for its parts in place of one that does not fit."""
        if asking.merge is None:
            yield from requests
            return
        contents = dict(assignment.documents)
        for request in requests:
            content = contents[request.key]
            document = LongDocument(assignment.claim, request, content, asking.template, asking.merge)
            yield from self._long.requests_for(document)

    def _rendered(self, assignment: Assignment, asking: Asking) -> Iterator[Request]:
        claim = assignment.claim
        held = self._keeper.held(claim)
        if held is None:
            return
        note_progress = self._keeper.note_progress
        for place, (seq, content) in enumerate(assignment.documents):
            if not held.open:
                return
            if held.paused:
                # The engine hears of it too, but one that waits for this very thread would not.
                self._keeper.put_down(claim, [seq for seq, _ in assignment.documents[place:]])
                return
            note_progress()
            try:
                request = _request_for(seq, content, assignment, asking)
            except DocumentFailed as error:
                self._keeper.add(Outcome.failed(seq, error, claim.chunk_id))
            else:
                yield request

    def _unanswered(self, claim: Claim, rendered: Iterator[Request]) -> Iterator[Request]:
        """The requests that need generating; the others get their answers here."""
        while some := list(islice(rendered, LOOKED_UP_AT_ONCE)):
            answers, rest = self._reuse.sift(claim, some)
            for answer in answers:
                self._keeper.add(answer)
            yield from rest

    def _until_next(self) -> Generator[Request, None, Assignment | None]:
        """What is still to be asked of long documents, until the next chunk may be claimed; that is returned.

        None: this turn is over.
        """
        while self._keeper.goes_on:
            yield from self._long.next_level()
            beside = self._keeper.claims()
            may_claim = self._next.may_be
            if assignment := self._next.take():
                return assignment
            if not beside or not (may_claim or self._long.any_open):
                return None
            self._keeper.wait_until_others(beside, LOOK_AGAIN_SECONDS, lambda: self._long.any_answered)
        return None


def _request_for(seq: int, content: str, assignment: Assignment, asking: Asking) -> Request:
    """Render a document. Raises DocumentFailed."""
    rendered = asking.template.render(content)
    try:
        params = assignment.params.overlaid(rendered.overrides)
    except InvalidParameter as error:  # checked when it was read, by a version that may have allowed more
        raise InvalidOverride(reason=f"{error.name}: {error.reason}") from error
    merge = asking.merge_basis(content) if assignment.reuse else None
    return Request(seq, rendered.prompt, params, assignment.claim.chunk_id, merge=merge)
