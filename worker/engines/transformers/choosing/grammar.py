"""One answer's place in the grammar that it is held to, token by token."""

from collections.abc import Callable

from llguidance import LLMatcher

from qwenq.schemas.errors import GenerationFailed

MatcherSource = Callable[[], LLMatcher]


class Grammar:
    """What one answer may go on with.

    Its matcher shares what it learns of the schema with those of other answers (`shared` gives such a one), which
    makes it fast. That knowledge has a limit, and a neighbour may reach it: then this answer goes on with one that is
    `fresh`. `instead`, the tag that opens a reasoning, may come instead of the answer's first token.
    `failure` is set when the grammar cannot be followed any further.
    """

    def __init__(self, shared: MatcherSource, fresh: MatcherSource, instead: int | None) -> None:
        self._shared = shared
        self._fresh = fresh
        self._instead = instead
        self.restart()

    def restart(self) -> None:
        """Go back to the beginning of the answer."""
        self.matcher = self._shared()
        self.failure: GenerationFailed | None = None
        self._taken: list[int] = []

    @property
    def instead(self) -> int | None:
        """The token that the grammar does not know and that may come next all the same."""
        return None if self._taken else self._instead

    @property
    def complete(self) -> bool:
        """Whether the answer satisfies its schema and nothing can follow."""
        return self.failure is None and self.matcher.is_stopped() and not self.matcher.is_error()

    def accept(self, token: int) -> None:
        """Go on by a token of the answer."""
        self._taken.append(token)
        self.matcher.consume_token(token)
        if self.recover():
            self.give_up_if_stuck()

    def recover(self) -> bool:
        """Replace a matcher that gave up by a new one at the same place. Says whether it had to."""
        if self.failure is not None or not self.matcher.is_error():
            return False
        self.matcher = self._fresh()
        self.matcher.consume_tokens(self._taken)
        return True

    def give_up_if_stuck(self) -> None:
        """Note the failure where the new matcher gave up too."""
        if self.matcher.is_error():
            reason = self.matcher.get_error().partition("\n")[0]
            self.failure = GenerationFailed(reason=f"its grammar cannot be followed: {reason}")
