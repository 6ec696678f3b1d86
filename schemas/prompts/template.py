"""A job's template: renders plain ones here, and any other in a confined process."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qwenq.schemas.errors import PromptFailed
from qwenq.schemas.prompts.compiled import Failed, compiled
from qwenq.schemas.prompts.rendering_process import rendering_process

Values = Mapping[str, Any]


class Template:
    """A Jinja2 template, rendered for one document or many. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._compiled = compiled(source)

    @property
    def names(self) -> frozenset[str]:
        """All names that the template uses."""
        return self._compiled.names

    @property
    def is_plain(self) -> bool:
        """Whether it is rendered in this process, unless a document is too large for that."""
        return self._compiled.is_plain

    def text(self, values: Values) -> str:
        """The text for one document's values. Raises PromptFailed."""
        outcome = self._outcome(values)
        if isinstance(outcome, Failed):
            raise PromptFailed(reason=outcome.reason)
        return outcome

    def texts(self, documents: Sequence[Values]) -> Iterator[str | PromptFailed]:
        """The text for each document's values."""
        for outcome in self._outcomes(documents):
            yield PromptFailed(reason=outcome.reason) if isinstance(outcome, Failed) else outcome

    def undefined_name(self, values: Values) -> str | None:
        """A name that is missing in these values; None if nothing is missing."""
        outcome = self._outcome(values)
        # Any other failure is not a missing column, but a fault of this document.
        return outcome.missing if isinstance(outcome, Failed) else None

    def _outcome(self, values: Values) -> str | Failed:
        outcome = self._compiled.render_quickly(values) if self.is_plain else None
        return rendering_process().render(self._source, [values])[0] if outcome is None else outcome

    def _outcomes(self, documents: Sequence[Values]) -> Iterator[str | Failed]:
        if self.is_plain:
            yield from map(self._outcome, documents)
            return
        place = 0
        while place < len(documents):
            rendered = rendering_process().render(self._source, documents[place:])
            place += len(rendered)
            yield from rendered
