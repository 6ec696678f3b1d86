"""Stop strings end an answer, also if they span several tokens."""

from functools import lru_cache
from typing import Self

from ahocorasick_rs import AhoCorasick, MatchKind

from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary

SETTLE_AT = 8  # tokens: no step decodes many more
CONTEXT = 4  # tokens kept before the new ones: a token's text may depend on the one before
LONGEST_BROKEN = 32  # tokens; a character has at most four bytes, so these never become one
BROKEN = "\ufffd"


class StopSearch:
    """Searches all stop strings of a request at once: ten thousand cost no more than one."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.longest = max(map(len, stops))
        self._search = AhoCorasick(stops, matchkind=MatchKind.LeftmostFirst)

    @classmethod
    @lru_cache(maxsize=16)  # a job's documents mostly share them
    def of(cls, stops: tuple[str, ...]) -> Self | None:
        """Make the search; None if there are no stop strings."""
        return cls(stops) if stops else None

    def first_in(self, text: str) -> int | None:
        """Return where the earliest stop string begins in `text`; None if there is none."""
        found = self._search.find_matches_as_indexes(text)
        return found[0][1] if found else None


class Tail:
    """The last characters of a text that grows by tokens. Each token is decoded a few times at most."""

    def __init__(self, vocabulary: Vocabulary, chars: int) -> None:
        self._vocabulary = vocabulary
        self._chars = chars
        self._settled = ""
        self._open: list[int] = []
        self._read = 0  # characters of the open tokens' text that are settled already

    def add(self, token: int) -> str:
        """Add a token. Returns the new text, with at least `chars` characters before it."""
        self._open.append(token)
        text = self._vocabulary.text_of(self._open)
        tail = self._settled + text[self._read :]
        if self._may_settle(text):
            self._settled = tail[-self._chars :]
            self._open = self._open[-CONTEXT:]
            self._read = len(self._vocabulary.text_of(self._open))
        return tail

    def _may_settle(self, text: str) -> bool:
        """Whether later tokens cannot change this text. They may complete a character at its end."""
        if len(self._open) < SETTLE_AT:
            return False
        return not text.endswith(BROKEN) or len(self._open) >= LONGEST_BROKEN
