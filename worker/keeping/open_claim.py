"""A claim that is being answered: which of its documents have no outcome yet, and what is not written yet."""

import time
from collections.abc import Collection, Mapping

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer


class OpenClaim:
    """One claim's outcomes on their way to the store. For one thread at a time.

    Any thread may see whether it is `open`, or `paused`: then nothing more of it should begin.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.claim = assignment.claim
        self.unwritten: list[Outcome] = []
        self.unwritten_parts: dict[Part, PartAnswer] = {}
        self.written_at = time.monotonic()
        self.open = True
        self.paused = self.gives_back = False
        self._unanswered = {seq for seq, _ in assignment.documents}

    @property
    def answered(self) -> bool:
        """Whether no outcome is to come any more: each document has its own, written or not, or was put down."""
        return not self._unanswered

    @property
    def waiting(self) -> int:
        """How many outcomes and answers to parts wait to be written."""
        return len(self.unwritten) + len(self.unwritten_parts)

    @property
    def awaited(self) -> int:
        """How many outcomes are to come before the claim is finished; none of one that is to be given back."""
        return 0 if self.gives_back else len(self._unanswered)

    def add(self, outcome: Outcome) -> None:
        """Take an outcome; a document's second one is none."""
        if outcome.seq in self._unanswered:
            self._unanswered.remove(outcome.seq)
            self.unwritten.append(outcome)

    def expect(self, keys: Collection[int]) -> None:
        """Await the answers to parts of its documents too, unless the chunk is to be given back."""
        if not self.gives_back:
            self._unanswered.update(keys)

    def add_part(self, key: int, part: Part, answer: PartAnswer) -> None:
        """Take the answer to a part that is awaited."""
        if key in self._unanswered:
            self._unanswered.remove(key)
            self.unwritten_parts[part] = answer

    def keep_only(self, keys: Collection[int]) -> None:
        """Let all unanswered documents and parts go but these: the chunk is given back for the others in the end."""
        self._unanswered.intersection_update(keys)
        self.gives_back = True

    def put_down(self, keys: Collection[int]) -> None:
        """Let these go, and keep the others; the chunk is given back for them in the end."""
        self._unanswered.difference_update(keys)
        self.gives_back = True

    def take(self) -> list[Outcome]:
        """Hand out what is not written, to be written now."""
        taken, self.unwritten = self.unwritten, []
        self.written_at = time.monotonic()
        return taken

    def take_parts(self) -> Mapping[Part, PartAnswer]:
        """The same of parts of documents."""
        taken, self.unwritten_parts = self.unwritten_parts, {}
        return taken
