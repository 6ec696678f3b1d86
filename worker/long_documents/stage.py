"""The long documents of a turn, between the feed and the engine: what one asks of them, the other need not know.

The thread that reads requests cuts documents and asks for merges; the one that generates brings the answers. Answers
to parts go to the store as they come, so that nobody computes them twice, whatever ends this turn.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from qwenq.schemas.errors import DocumentFailed, NoRoomForParts, NoRoomToMerge, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Completion, Request
from qwenq.store.database.store import Store
from qwenq.store.views.answers.parts import answered_parts
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.long_documents.cutting import cut
from qwenq.worker.long_documents.gauge import Gauge
from qwenq.worker.long_documents.grouping import groups_of
from qwenq.worker.long_documents.long_document import LongDocument
from qwenq.worker.reuse.stage import Reuse

FIRST_KEY = 2**31
"""The key of a turn's first part: above that of every document."""

_log = logging.getLogger("qwenq.worker")


class LongDocuments:
    """Cuts what does not fit, and makes one outcome of the answers to its parts."""

    def __init__(self, store: Store, gauge: Gauge, keeper: Keeper, reuse: Reuse) -> None:
        self._store = store
        self._gauge = gauge
        self._keeper = keeper
        self._reuse = reuse
        self._keys = count(FIRST_KEY)
        self._changing = threading.Lock()
        self._asked: dict[tuple[int, int], tuple[LongDocument, Part]] = {}
        self._open: dict[tuple[int, int], LongDocument] = {}
        self._answered: deque[LongDocument] = deque()

    @property
    def any_answered(self) -> bool:
        """Whether there is something that `next_level` can ask."""
        return bool(self._answered)

    @property
    def any_open(self) -> bool:
        """Whether a document is under way that is still wanted, and has to be asked about again."""
        with self._changing:
            return any(self._is_wanted(document) for document in self._open.values())

    def requests_for(self, document: LongDocument) -> Iterator[Request]:
        """What is to be asked of a document that may be too long: itself, or parts of it. What cannot be cut fails."""
        request = document.request
        try:
            if self._gauge.fits(request.prompt.messages, request.params):
                yield request
            else:
                yield from self._first_level(document)
        except DocumentFailed as error:
            self._fail(document, error)

    def next_level(self) -> Iterator[Request]:
        """Merges of the answers that are there, each the last one of its document or one on the way to it."""
        while self._answered:
            document = self._answered.popleft()
            if not self._is_wanted(document):
                self._put_down(document)
                self._close(document)
                continue
            try:
                for request in self._merges(document):
                    yield replace(request, closes_group=True)
            except DocumentFailed as error:
                self._fail(document, error)

    def take(self, completion: Completion) -> None:
        """Take what the engine gives: a document's outcome, or the answer to a part."""
        outcome = Outcome.of(completion)
        if not (self._open or self._asked):
            # Nothing is cut. Whoever cut this document noted so before it was asked for.
            self.settle(outcome)
            return
        with self._changing:
            asked = self._asked.pop((outcome.chunk_id, outcome.seq), None)
            last = None if asked else self._open.pop((outcome.chunk_id, outcome.seq), None)
        if asked is not None:
            self._take_part(*asked, outcome)
        else:
            self.settle(outcome if last is None else last.outcome(outcome))

    def settle(self, outcome: Outcome) -> None:
        """Let a document's outcome be written, and that of its twins."""
        for one in self._reuse.outcomes_of(outcome):
            self._keeper.add(one)

    def _take_part(self, document: LongDocument, part: Part, outcome: Outcome) -> None:
        if outcome.failure is not None:
            if self._close(document):
                self.settle(document.failure(part, outcome))
            return
        answer = PartAnswer(outcome.text, outcome.finish_reason, outcome.usage, outcome.seconds)
        with self._changing:
            document.add(part, answer)
            if document.answered:
                self._answered.append(document)
        self._keeper.add_part(outcome.chunk_id, outcome.seq, part, answer)

    def _first_level(self, document: LongDocument) -> Iterator[Request]:
        """The parts of a document that does not fit. Raises DocumentFailed."""
        request = document.request
        in_prompt = document.template.document(document.content)

        def tokens_of(first: int, last: int) -> int:
            self._keeper.note_progress()
            return self._gauge.tokens(in_prompt.between(first, last), request.params)

        spans = cut(in_prompt.text, tokens_of, self._gauge.room(request.params))
        if spans is None:
            bare, most = tokens_of(0, 0), request.params.max_new_tokens
            raise NoRoomForParts(prompt_tokens=bare, max_new_tokens=most, context=self._gauge.context)
        # Of nothing but blanks, nothing can be asked.
        told = [span for span in spans if not in_prompt.text[span.first : span.last].isspace()] or spans[:1]
        if len(told) == 1:
            yield _asked_with(request, in_prompt.between(*told[0]))
            return
        if document.claim.attempt > 1:
            document.known = known_parts(self._store, document.claim.job_id, document.seq)
        parts = [Part(document.seq, 0, place, *span) for place, span in enumerate(told)]
        yield from self._ask(document, parts, lambda part: in_prompt.between(part.first, part.last))

    def _merges(self, document: LongDocument) -> Iterator[Request]:
        """The next level of a document whose newest one is answered. Raises DocumentFailed."""
        request = document.request
        columns = document.template.columns(document.content)
        system = document.template.document(document.content).system
        answers, below = document.answers(), document.parts

        def merging(some: Sequence[str]) -> tuple[Message, ...]:
            return document.merge.render(columns, system, some)

        groups = groups_of(answers, lambda some: self._gauge.fits(merging(some), request.params))
        if groups is None:
            most = request.params.max_new_tokens
            raise NoRoomToMerge(parts=document.cut_into, max_new_tokens=most, context=self._gauge.context)
        if len(groups) == 1:
            yield _asked_with(request, merging(answers))
            return
        level = [
            Part(document.seq, below[0].level + 1, place, below[group[0]].first, below[group[-1]].last)
            for place, group in enumerate(groups)
        ]
        for part, group in zip(level, groups, strict=True):
            if len(group) == 1:
                document.carry(part, group[0])
        yield from self._ask(
            document, level, lambda part: merging([answers[place] for place in groups[part.place]])
        )

    def _ask(
        self,
        document: LongDocument,
        parts: Sequence[Part],
        messages_of: Callable[[Part], tuple[Message, ...]],
    ) -> Iterator[Request]:
        """Ask for what of a level is not known from an earlier attempt. Raises DocumentFailed."""
        group = document.request.group
        with self._changing:
            self._open[group, document.seq] = document
            keys = {next(self._keys): part for part in document.begin(parts)}
            self._asked |= {(group, key): (document, part) for key, part in keys.items()}
            if document.answered:
                self._answered.append(document)
        self._keeper.expect(group, keys)
        asked = list(keys.items())
        for place, (key, part) in enumerate(asked):
            if not self._is_wanted(document):
                self._put_down(document, [late for late, _ in asked[place:]])
                return
            self._keeper.note_progress()
            yield _asked_with(document.request, messages_of(part), key)

    def _is_wanted(self, document: LongDocument) -> bool:
        claim = document.claim
        return not document.failed and self._keeper.is_open(claim) and not self._keeper.is_paused(claim)

    def _put_down(self, document: LongDocument, keys: Sequence[int] = ()) -> None:
        """Let a document of a paused job go, and these parts of it: nobody is going to ask for them."""
        if self._keeper.is_paused(document.claim):
            self._keeper.put_down(document.claim, [document.request.key, *keys])

    def _fail(self, document: LongDocument, error: DocumentFailed) -> None:
        self._close(document)
        self.settle(Outcome.failed(document.seq, error, document.request.group))

    def _close(self, document: LongDocument) -> bool:
        """Ask no more of a document. False: it was closed before."""
        with self._changing:
            document.failed = True
            return self._open.pop((document.request.group, document.seq), None) is not None


def _asked_with(request: Request, messages: tuple[Message, ...], key: int | None = None) -> Request:
    """The same request with another prompt."""
    own = request.key if key is None else key
    return Request(own, Prompt.whole(messages), request.params, request.group)


def known_parts(store: Store, job_id: int, seq: int) -> Mapping[Part, PartAnswer]:
    """What an earlier attempt answered of a document; nothing while the store is away."""
    try:
        with store.reading() as connection:
            return answered_parts(connection, job_id, seq)
    except StoreAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
        return {}
