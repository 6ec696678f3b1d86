"""An open claim: which of its documents have no outcome yet, which outcomes are unwritten, and whether it goes on."""

import threading
import time
from collections.abc import Collection, Mapping

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer


class OpenClaim:
    """One claim in the ledger of its turn. This object alone says whether the claim is over, or its job paused.

    Any thread may read `is_over`, `is_paused` and `is_wanted`, and call `expect`, `forget`, `drop` and `drop_all_but`.
    The rest is for the ledger, which shares its lock with its claims.
    """

    def __init__(self, assignment: Assignment, news: threading.Condition) -> None:
        self.claim = assignment.claim
        self.is_over = False
        self.is_paused = False
        self.gives_back = False
        self.written_at = time.monotonic()
        self._news = news
        self._unanswered = {seq for seq, _ in assignment.documents}
        self._outcomes: list[Outcome] = []
        self._parts: dict[Part, PartAnswer] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether more of its documents should begin."""
        return not (self.is_over or self.is_paused)

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
