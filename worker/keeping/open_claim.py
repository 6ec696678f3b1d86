"""An open claim: which of its documents have no outcome yet, which outcomes are unwritten, and whether it goes on."""

import threading
import time
from bisect import bisect_left
from collections.abc import Collection, Mapping

from qwenq.schemas.chunks import Assignment, Claim, Cut
from qwenq.schemas.generation import GenerationParams, Overflow
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.worker.keeping.cutting import cut_around


class OpenClaim:
    """One claim in the ledger of its turn. This object alone says whether the claim is over, or its job paused.

    Any thread may read `is_over`, `is_paused` and `is_wanted`, and call `begin`, `expect`, `forget`, `drop`,
    `drop_all_but` and `drop_given`. The rest is for the ledger, which shares its lock with its claims.

    Documents from `end` on are given away: they wait for another worker once the chunk is cut there. Those that the
    engine has begun hold the cut up for `grace_seconds`; then they are kept, in claims of their own. What these await
    was asked for under the chunk that they come from: their `group`.
    """

    def __init__(self, assignment: Assignment, news: threading.Condition, grace_seconds: float = 0.0) -> None:
        self.claim = assignment.claim
        self.group = assignment.claim.chunk_id
        self.end = assignment.claim.last_seq + 1
        self.mean_size = sum(len(content) for _, content in assignment.documents) / max(
            len(assignment.documents), 1
        )
        self._grace_seconds = grace_seconds
        self._given: Collection[int] | None = None
        self._cut_at = 0.0
        self.is_over = False
        self.is_paused = False
        self.gives_back = False
        self.written_at = time.monotonic()
        self._news = news
        self._seqs = [seq for seq, _ in assignment.documents]
        self._read = 0
        # What was read of a long document may be parts of it, which only this worker can put together.
        self._may_be_cut = assignment.params.on_overflow != Overflow.SPLIT
        self._unanswered = set(self._seqs)
        self._outcomes: list[Outcome] = []
        self._parts: dict[Part, PartAnswer] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether more of its documents should begin."""
        return not (self.is_over or self.is_paused)

    def begin(self, seq: int) -> bool:
        """Note that a document is on its way to the engine. False: it was given away, and so were all after it."""
        with self._news:
            if seq >= self.end:
                return False
            self._read += 1
            return True

    def expect(self, keys: Collection[int]) -> None:
        """Await the answers to parts of its documents as well, unless the chunk is to be given back."""
        with self._news:
            if not self.gives_back:
                self._unanswered.update(keys)

    def forget(self, keys: Collection[int]) -> None:
        """Await these parts no more: their document has its outcome without them."""
        with self._news:
            self._unanswered.difference_update(keys)
            self._news.notify_all()

    def drop(self, keys: Collection[int]) -> None:
        """Stop awaiting these documents and parts, which no engine is asked for; in the end, give the chunk back."""
        with self._news:
            self._unanswered.difference_update(keys)
            self.gives_back = True
            self._news.notify_all()

    def drop_all_but(self, keys: Collection[int]) -> None:
        """Await only these documents and parts, which have begun; then give the chunk back for the others."""
        with self._news:
            self._unanswered.intersection_update(keys)
            self.gives_back = True
            self._news.notify_all()

    def give_away(self, most: int) -> int:
        """Give away its last documents without an outcome: `most`, and half of them once it was begun.

        Returns how many. If `asks_engine`, those that the engine has begun are still answered; `drop_given` names them.
        """
        if not self.is_wanted or self.gives_back or self.is_cutting or self.claim.suspect:
            return 0
        first = 0 if self._may_be_cut else self._read
        seqs = [seq for seq in self._seqs[first:] if seq in self._unanswered]
        given = min(most, len(seqs) if self.is_unread else len(seqs) // 2)
        if given <= 0:
            return 0
        self.end, self._given = seqs[-given], None
        if self.is_unread and given == len(seqs):
            self.drop(seqs)
        elif not self.asks_engine:
            self.drop_given(())
        return given

    @property
    def is_unread(self) -> bool:
        """Whether none of its documents is on its way to the engine."""
        return not self._read

    @property
    def unread(self) -> int:
        """How many documents are not on their way to the engine."""
        return max(0, bisect_left(self._seqs, self.end) - self._read)

    @property
    def asked(self) -> int:
        """How many documents and parts are on their way through the engine."""
        return len(self._unanswered) - self.unread

    @property
    def asks_engine(self) -> bool:
        """Whether the engine may have begun a document that was given away."""
        return self.is_cutting and bool(self._read) and self._seqs[self._read - 1] >= self.end

    @property
    def is_cutting(self) -> bool:
        """Whether documents are given away that still belong to its chunk."""
        return self.end <= self.claim.last_seq

    @property
    def cut(self) -> Cut | None:
        """How its chunk can be cut now. None: not yet, or not at all."""
        if self._given is None or not self.is_cutting or self.gives_back:
            return None
        begun = sorted(key for key in self._unanswered if self.end <= key <= self.claim.last_seq)
        if begun and time.monotonic() < self._cut_at:
            return None
        return cut_around(self.end, self.claim.last_seq, begun, sorted(self._given))

    def keep(self, rest: Claim) -> "OpenClaim":
        """Go on with some documents beyond the cut under a claim of their own, with what is unwritten of them."""
        its = range(rest.first_seq, rest.last_seq + 1)
        kept = OpenClaim(Assignment(rest, PromptSpec(), GenerationParams(), ()), self._news)
        kept.group, kept.mean_size, kept.is_paused = self.group, self.mean_size, self.is_paused
        # What was given away between them waits once they are answered.
        kept.gives_back = self._given is not None and any(seq in its for seq in self._given)
        kept._may_be_cut = False
        kept._seqs = [seq for seq in self._seqs if seq in its]
        kept._read = len(kept._seqs)
        kept._unanswered = {key for key in self._unanswered if key in its}
        kept._outcomes = [one for one in self._outcomes if one.seq in its]
        self._unanswered -= kept._unanswered
        self._outcomes = [one for one in self._outcomes if one.seq not in its]
        return kept

    def drop_given(self, begun: Collection[int]) -> None:
        """Stop awaiting the documents that were given away, but for those that have begun.

        If all have begun, keep them. The chunk is cut when what has begun is answered, or a grace is over.
        """
        with self._news:
            given = range(self.end, self.claim.last_seq + 1)
            dropped = {key for key in self._unanswered if key in given and key not in begun}
            self._unanswered -= dropped
            self._given, self._cut_at = dropped, time.monotonic() + self._grace_seconds
            if not dropped:
                self.end = self.claim.last_seq + 1
            self._news.notify_all()

    @property
    def answered(self) -> bool:
        """Whether nothing more is awaited: each document has its outcome, written or not, or was dropped."""
        return not self._unanswered

    @property
    def waiting(self) -> int:
        """How many outcomes and answers to parts are unwritten."""
        return len(self._outcomes) + len(self._parts)

    @property
    def owed(self) -> int:
        """How many outcomes an engine still has to give; 0 for a chunk that is to be given back."""
        return 0 if self.gives_back else len(self._unanswered)

    def add(self, outcome: Outcome) -> None:
        """Add an outcome; later ones for the same document are ignored."""
        if outcome.seq in self._unanswered:
            self._unanswered.remove(outcome.seq)
            self._outcomes.append(outcome)

    def add_part(self, key: int, part: Part, answer: PartAnswer) -> None:
        """Add the answer to a part, if it is awaited."""
        if key in self._unanswered:
            self._unanswered.remove(key)
            self._parts[part] = answer

    def drain(self) -> tuple[list[Outcome], Mapping[Part, PartAnswer]]:
        """Hand out what is unwritten, to be written now."""
        outcomes, self._outcomes = self._outcomes, []
        parts, self._parts = self._parts, {}
        self.written_at = time.monotonic()
        return outcomes, parts
