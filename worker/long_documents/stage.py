"""The long documents of a turn: cut on the way down, and made one outcome again on the way up.

The thread that reads requests cuts documents and asks for merges; the generating thread brings the answers. Answers to
parts are stored as they come, so that they are not computed twice, whatever ends this turn.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from qwenq.schemas.errors import DocumentFailed, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.requests import Request
from qwenq.store.database.store import Store
from qwenq.store.views.answers.parts import answered_parts
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.long_documents.gauge import Gauge
from qwenq.worker.long_documents.levels import Level, asked_for_part, asked_with, first_level, next_level
from qwenq.worker.long_documents.long_document import LongDocument
from qwenq.worker.turn.stage import ClaimedRequests, Down, Up

FIRST_KEY = 2**31
"""The key of a turn's first part: above the seq of every document."""

_log = logging.getLogger("qwenq.worker")


class LongDocumentStage:
    """Cuts documents that do not fit, and makes one outcome of the answers to their parts."""

    def __init__(self, store: Store, gauge: Gauge, ledger: Ledger, above: Up) -> None:
        self._store = store
        self._gauge = gauge
        self._ledger = ledger
        self._above = above
        self._keys = count(FIRST_KEY)
        self._changing = threading.Lock()
        self._asked: dict[tuple[int, int], tuple[LongDocument, Part]] = {}
        self._open: dict[tuple[int, int], LongDocument] = {}
        self._answered: deque[LongDocument] = deque()

    def requests(self, upstream: Down) -> Down:
        """Pass claims down with parts in the place of long documents, and merges as soon as they can be asked for.

        Once no claim comes any more, goes on until the last document is merged.
        """
        for claimed in upstream:
            if claimed is None:
                yield from self._merges()
                yield None
            elif claimed.prompt.merge is None and not self._open:
                yield claimed
            else:
                yield replace(claimed, requests=self._requests_of(claimed))
        while self._ledger.goes_on and self._is_any_wanted():
            seen = self._ledger.changes
            yield from self._merges()
            self._ledger.wait_for_change(seen, self._ledger.rhythm.look_again_seconds)

    def settle(self, outcome: Outcome) -> None:
        """Pass a document's outcome up; keep the answer to a part, or pass its failure up as the document's."""
        if not (self._open or self._asked):
            # Nothing is cut: a document is noted as open before its first part is asked for.
            self._above(outcome)
            return
        with self._changing:
            asked = self._asked.pop((outcome.chunk_id, outcome.seq), None)
            last = None if asked else self._open.pop((outcome.chunk_id, outcome.seq), None)
        if asked is not None:
            self._settle_part(*asked, outcome)
        else:
            self._above(outcome if last is None else last.outcome(outcome))

    def _settle_part(self, document: LongDocument, part: Part, outcome: Outcome) -> None:
        if outcome.failure is not None:
            document.held.forget([outcome.seq])
            if self._close(document):
                self._above(document.failure(part, outcome))
            return
        answer = PartAnswer(outcome.text, outcome.finish_reason, outcome.usage, outcome.seconds)
        self._ledger.add_part(document.held, outcome.seq, part, answer)
        with self._changing:
            document.add(part, answer)
            is_due = document.answered
            if is_due:
                self._answered.append(document)
        if is_due:
            self._ledger.wake()

    def _requests_of(self, claimed: ClaimedRequests) -> Iterator[Request]:
        for request in claimed.requests:
            for asked in self._parts_of(claimed, request):
                for merges in self._merges():
                    yield from merges.requests
                yield asked

    def _parts_of(self, claimed: ClaimedRequests, request: Request) -> Iterator[Request]:
        """The request itself, or those for the parts of a document that is cut."""
        if claimed.prompt.merge is None:
            yield request
            return
        document = LongDocument(claimed, claimed.prompt.merge, request)
        try:
            if self._gauge.fits(request.prompt.messages, request.params):
                yield request
            else:
                yield from self._ask(
                    document, first_level(document, self._gauge, self._ledger.watch.note_step)
                )
        except DocumentFailed as error:
            self._fail(document, error)

    def _merges(self) -> Iterator[ClaimedRequests]:
        """What may be asked now, one document after the other."""
        while self._answered:
            document = self._answered.popleft()
            yield replace(document.claimed, requests=self._merge(document))

    def _merge(self, document: LongDocument) -> Iterator[Request]:
        """The next level of a document whose newest level is answered: on the way to its outcome, or the last one."""
        if not self._is_wanted(document):
            self._drop(document)
            self._close(document)
            return
        try:
            yield from self._ask(document, next_level(document, self._gauge))
        except DocumentFailed as error:
            self._fail(document, error)

    def _ask(self, document: LongDocument, level: Level) -> Iterator[Request]:
        """Ask for the parts of a level that no earlier attempt answered. Raises DocumentFailed."""
        if level.is_last:
            yield asked_with(document.request, level.messages_of(level.parts[0]))
            return
        if level.parts[0].level == 0 and document.held.claim.attempt > 1:
            document.known = known_parts(self._store, document.held.claim.job_id, document.seq)
        group = document.request.group
        with self._changing:
            self._open[group, document.seq] = document
            keys = {next(self._keys): part for part in document.begin(level.parts, level.carried)}
            self._asked |= {(group, key): (document, part) for key, part in keys.items()}
            if document.answered:
                self._answered.append(document)
        document.held.expect(keys)
        asked = list(keys.items())
        for place, (key, part) in enumerate(asked):
            if not self._is_wanted(document):
                self._drop(document, [late for late, _ in asked[place:]])
                return
            self._ledger.watch.note_step()
            yield asked_for_part(document.request, level.messages_of(part), key, part)

    def _is_wanted(self, document: LongDocument) -> bool:
        return not document.failed and document.held.is_wanted

    def _is_any_wanted(self) -> bool:
        with self._changing:
            return any(self._is_wanted(document) for document in self._open.values())

    def _drop(self, document: LongDocument, keys: Sequence[int] = ()) -> None:
        """Drop a document of a paused job, or of a claim that is over, with these parts, which nobody will ask for.

        A document that failed has its outcome: only its parts are no longer awaited.
        """
        if document.failed:
            document.held.forget(keys)
        else:
            document.held.drop([document.seq, *keys])

    def _fail(self, document: LongDocument, error: DocumentFailed) -> None:
        self._close(document)
        self._above(Outcome.failed(document.seq, error, document.request.group))

    def _close(self, document: LongDocument) -> bool:
        """Ask for nothing more of a document. False: it was closed before."""
        with self._changing:
            document.failed = True
            key = document.request.group, document.seq
            # Late parts of a failed document must not close its next attempt, by a retry in this turn.
            if self._open.get(key) is not document:
                return False
            del self._open[key]
            return True


def known_parts(store: Store, job_id: int, seq: int) -> Mapping[Part, PartAnswer]:
    """The parts of a document that an earlier attempt answered; none while the store is away."""
    try:
        with store.reading() as connection:
            return answered_parts(connection, job_id, seq)
    except StoreAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
        return {}
