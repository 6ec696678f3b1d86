"""Answers without generating: documents that were answered before, and identical ones of one chunk.

All documents of a turn that take part pass through twice: `sift` before they are generated, in the thread that reads
requests, and `outcomes_of` after it, in the one that generates.
"""

import logging
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qwenq.schemas.chunks import Claim
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.schemas.results import EarlierAnswer, Usage
from qwenq.store.database.store import Store
from qwenq.store.views.answers.earlier import earlier_answers
from qwenq.worker.reuse.fingerprints import Fingerprints

_log = logging.getLogger("qwenq.worker")


@dataclass(slots=True)
class _Asked:
    """A document that is being generated, and those of its chunk that ask the same."""

    fingerprint: bytes
    job_id: int
    twins: list[int] = field(default_factory=list)


class Reuse:
    """What one turn can answer without generating."""

    def __init__(self, store: Store, model: ModelInfo) -> None:
        self._store = store
        self._fingerprints = Fingerprints(model)
        self._changing = threading.Lock()
        self._asked: dict[tuple[int, int], _Asked] = {}
        self._asked_by_group: dict[tuple[int, bytes], _Asked] = {}
        self._sifted: Claim | None = None
        self._settled: dict[bytes, Outcome] = {}

    def sift(self, claim: Claim, requests: Iterable[Request]) -> tuple[list[Outcome], list[Request]]:
        """The answers to requests that were answered before, and what is to be generated.

        One that is the same as another of its chunk gets the outcome of that one: now, or later and is in neither.
        """
        named = [(request, self._fingerprints.of(request)) for request in requests]
        known = self._look_up({fingerprint for _, fingerprint in named if fingerprint is not None})
        heirs = {one for one, earlier in known.items() if earlier.job_id != claim.job_id}
        answers: list[Outcome] = []
        rest: list[Request] = []
        with self._changing:
            if claim != self._sifted:
                self._sifted, self._settled = claim, {}
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
                    answers.append(_shared(self._settled[fingerprint], request.key, claim.job_id))
                elif (asked := self._asked_by_group.get((request.group, fingerprint))) is not None:
                    asked.twins.append(request.key)
                else:
                    asked = _Asked(fingerprint, claim.job_id)
                    self._asked[request.group, request.key] = asked
                    self._asked_by_group[request.group, fingerprint] = asked
                    rest.append(request)
        return answers, rest

    def outcomes_of(self, outcome: Outcome) -> Sequence[Outcome]:
        """A outcome as it is to be written, and the same for the documents that asked the same."""
        if not self._asked:
            return (outcome,)
        with self._changing:
            asked = self._asked.pop((outcome.chunk_id, outcome.seq), None)
            if asked is None:
                return (outcome,)
            del self._asked_by_group[outcome.chunk_id, asked.fingerprint]
            if self._sifted is not None and self._sifted.chunk_id == outcome.chunk_id:
                self._settled[asked.fingerprint] = outcome
        own = outcome if outcome.failure else replace(outcome, fingerprint=asked.fingerprint)
        return [own, *(_shared(outcome, twin, asked.job_id) for twin in asked.twins)]

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


def _shared(outcome: Outcome, key: int, job_id: int) -> Outcome:
    """The outcome of a document for another one of its chunk."""
    if outcome.failure is not None:
        return replace(outcome, seq=key)
    return replace(outcome, seq=key, usage=Usage(), reused_from=job_id)
