"""Answers without generating: documents that were answered before, and identical ones of one chunk.

Each document of a job with reuse passes this stage twice: on the way down, before it is generated, in the thread that
reads requests; on the way up, in the thread that generates.
"""

import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.schemas.results import EarlierAnswer, Usage
from qwenq.store.database.store import Store
from qwenq.store.views.answers.earlier import earlier_answers
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.reuse.fingerprints import Fingerprints
from qwenq.worker.turn.stage import ClaimedRequests, Down, Up

_log = logging.getLogger("qwenq.worker")


@dataclass(slots=True)
class _Asked:
    """A document that is being generated, and its twins: documents of its chunk with the same fingerprint."""

    fingerprint: bytes
    job_id: int
    twins: list[int] = field(default_factory=list)


class ReuseStage:
    """Answers what it can without generating; looks up `at_once` documents in one query."""

    def __init__(self, store: Store, model: ModelInfo, above: Up, at_once: int) -> None:
        self._store = store
        self._fingerprints = Fingerprints(model)
        self._above = above
        self._at_once = at_once
        self._changing = threading.Lock()
        self._asked: dict[tuple[int, int], _Asked] = {}
        self._asked_by_group: dict[tuple[int, bytes], _Asked] = {}
        self._newest: OpenClaim | None = None
        self._settled: dict[bytes, Outcome] = {}

    def requests(self, upstream: Down) -> Down:
        """Pass down what is to be generated; the other documents get their outcomes here, or with their twin's."""
        for claimed in upstream:
            if claimed is None or not claimed.reuse:
                yield claimed
            else:
                yield replace(claimed, requests=self._unanswered(claimed))

    def settle(self, outcome: Outcome) -> None:
        """Pass an outcome up with its fingerprint, and the same for its twins."""
        if not self._asked:
            self._above(outcome)
            return
        with self._changing:
            asked = self._asked.pop((outcome.chunk_id, outcome.seq), None)
            if asked is not None:
                del self._asked_by_group[outcome.chunk_id, asked.fingerprint]
                if self._newest is not None and self._newest.claim.chunk_id == outcome.chunk_id:
                    self._settled[asked.fingerprint] = outcome
        if asked is None:
            self._above(outcome)
            return
        self._above(outcome if outcome.failure else replace(outcome, fingerprint=asked.fingerprint))
        for twin in asked.twins:
            self._above(_shared(outcome, twin, asked.job_id))

    def _unanswered(self, claimed: ClaimedRequests) -> Iterator[Request]:
        with self._changing:
            self._newest, self._settled = claimed.held, {}
        while some := list(islice(claimed.requests, self._at_once)):
            answers, rest = self._sift(claimed, some)
            for answer in answers:
                self._above(answer)
            yield from rest

    def _sift(
        self, claimed: ClaimedRequests, requests: Sequence[Request]
    ) -> tuple[list[Outcome], list[Request]]:
        """Part requests into outcomes that are known and what is to be generated.

        A twin of another document is in neither list, unless the other has its outcome: it waits for that.
        """
        job_id = claimed.held.claim.job_id
        named = [(request, self._fingerprint(claimed, request)) for request in requests]
        known = self._look_up({fingerprint for _, fingerprint in named if fingerprint is not None})
        heirs = {one for one, earlier in known.items() if earlier.job_id != job_id}
        answers: list[Outcome] = []
        rest: list[Request] = []
        with self._changing:
            for request, fingerprint in named:
                if fingerprint is None:
                    rest.append(request)
                elif fingerprint in known:
                    copy = _reused(request, known[fingerprint])
                    if fingerprint in heirs:
                        # The copy is found from now on: the earlier job may be pruned one day.
                        heirs.remove(fingerprint)
                        copy = replace(copy, fingerprint=fingerprint)
                    answers.append(copy)
                elif fingerprint in self._settled:
                    answers.append(_shared(self._settled[fingerprint], request.key, job_id))
                elif (asked := self._asked_by_group.get((request.group, fingerprint))) is not None:
                    asked.twins.append(request.key)
                else:
                    asked = _Asked(fingerprint, job_id)
                    self._asked[request.group, request.key] = asked
                    self._asked_by_group[request.group, fingerprint] = asked
                    rest.append(request)
        return answers, rest

    def _fingerprint(self, claimed: ClaimedRequests, request: Request) -> bytes | None:
        return self._fingerprints.of(request, claimed.prompt.merge_basis(claimed.contents[request.key]))

    def _look_up(self, fingerprints: Collection[bytes]) -> Mapping[bytes, EarlierAnswer]:
        if not fingerprints:
            return {}
        try:
            with self._store.reading() as connection:
                return earlier_answers(connection, fingerprints)
        except StoreAway as away:
            _log.warning(Event.REUSE_SKIPPED, extra={"documents": len(fingerprints), "reason": str(away)})
            return {}


def _reused(request: Request, earlier: EarlierAnswer) -> Outcome:
    return Outcome(
        seq=request.key,
        text=earlier.text,
        finish_reason=earlier.finish_reason,
        usage=Usage(),
        reasoning=earlier.reasoning,
        chunk_id=request.group,
        reused_from=earlier.job_id,
        parts=earlier.parts,
    )


def _shared(outcome: Outcome, seq: int, job_id: int) -> Outcome:
    """The outcome of a document for its twin."""
    if outcome.failure is not None:
        return replace(outcome, seq=seq)
    return replace(outcome, seq=seq, usage=Usage(), reused_from=job_id)
