"""One answer's position in its grammar, token by token."""

from collections.abc import Callable

from llguidance import LLMatcher

from qwenq.schemas.errors import GenerationFailed

MatcherSource = Callable[[], LLMatcher]


class Grammar:
    """Says which tokens one answer may continue with.

    Matchers made by `shared` share what they learn about the schema with other answers, which makes them fast. That
    knowledge has a limit, which another answer may reach: this answer then continues with a `fresh` matcher.
    `note_token` is called for each token of the answer. `instead`, the tag that opens a reasoning, may replace the
    answer's first token. `failure` is set if the grammar cannot continue.
    """

    def __init__(
        self,
        shared: MatcherSource,
        fresh: MatcherSource,
        note_token: Callable[[], None],
        instead: int | None,
    ) -> None:
        self._shared = shared
        self._fresh = fresh
        self._note_token = note_token
        self._instead = instead
        self.restart()

    def restart(self) -> None:
        """Go back to the beginning of the answer."""
        self.matcher = self._shared()
        self.failure: GenerationFailed | None = None
        self._accepted: list[int] = []

    @property
    def instead(self) -> int | None:
        """A token outside the grammar that may come next, if any."""
        return None if self._accepted else self._instead

    @property
    def complete(self) -> bool:
        """Whether the answer satisfies its schema and nothing can follow."""
        return self.failure is None and self.matcher.is_stopped() and not self.matcher.is_error()

    def accept(self, token: int) -> None:
        """Advance by a token of the answer."""
        self._accepted.append(token)
        self._note_token()
        self.matcher.consume_token(token)
        if self.recover():
            self.give_up_if_stuck()

    def recover(self) -> bool:
        """Replace a matcher that gave up by a new one at the same position. Returns whether it did."""
        if self.failure is not None or not self.matcher.is_error():
            return False
        self.matcher = self._fresh()
        self.matcher.consume_tokens(self._accepted)
        return True

    def give_up_if_stuck(self) -> None:
        """Set the failure if the new matcher gave up too."""
        if self.matcher.is_error():
            reason = self.matcher.get_error().partition("\n")[0]
            self.failure = GenerationFailed(reason=f"its grammar cannot be followed: {reason}")
