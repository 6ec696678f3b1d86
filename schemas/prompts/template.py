"""A job's template: renders plain ones here, and any other in a confined process."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qwenq.schemas.errors import PromptFailed
from qwenq.schemas.prompts.budget import UNCONFINED
from qwenq.schemas.prompts.compiled import CompiledTemplate, Failed, compiled, text_chars
from qwenq.schemas.prompts.rendering_process import rendering_process
from qwenq.schemas.prompts.used_columns import UsedColumns

HURRY_SECONDS = 3.0
"""After so many seconds on documents in a row that reached a limit, each further one gets the small budget."""
MOST_KILLS = 3
"""After so many killed renderings in a row, the chunk's further documents fail at once."""
LONG_CHARS = 1024 * 1024
_GIVEN_UP = "rendering the documents before it was stopped each time; simplify the template"
Values = Mapping[str, Any]


class Template:
    """A Jinja2 template, rendered for one document or many. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._compiled = compiled(source)
        if not self.is_plain:
            rendering_process().prepare()

    @property
    def names(self) -> frozenset[str]:
        """All names that the template uses."""
        return self._compiled.names

    @property
    def used(self) -> UsedColumns:
        """The columns that the template reads."""
        return self._compiled.used

    @property
    def constants(self) -> frozenset[str]:
        """The names that the template sets to values of its own, which win over columns."""
        return self._compiled.constants

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

    def of_chunk(self) -> "ChunkRendering":
        """Render a chunk's documents, in which slow ones in a row get less and less time."""
        if not self.is_plain:
            rendering_process().prepare()
        return ChunkRendering(self._source, self._compiled)

    def undefined_name(self, values: Values) -> str | None:
        """A name that is missing in these values; None if nothing is missing."""
        outcome = self._outcome(values)
        # Any other failure is not a missing column, but a fault of this document.
        return outcome.missing if isinstance(outcome, Failed) else None

    def _outcome(self, values: Values) -> str | Failed:
        return next(ChunkRendering(self._source, self._compiled).outcomes([values]))


class ChunkRendering:
    """Renders the documents of a chunk in order.

    A template that reaches a limit with every document must not hold back the others of a turn: documents in a row that
    reach one get a small budget after HURRY_SECONDS, and are not rendered after MOST_KILLS. One that reaches none
    begins the count again.
    """

    def __init__(self, source: str, template: CompiledTemplate) -> None:
        self._source = source
        self._template = template
        self._seconds = 0.0
        self._kills = 0

    def texts(self, documents: Sequence[Values]) -> Iterator[str | PromptFailed]:
        """The text for each document's values."""
        yield from map(_text, self.outcomes(documents))

    def plain_text(self, values: Values) -> str | PromptFailed:
        """The text for one document's values, of a plain template."""
        return _text(self._plain(values))

    def outcomes(self, documents: Sequence[Values]) -> Iterator[str | Failed]:
        """The same, with what is known of failures."""
        if self._template.is_plain:
            yield from map(self._plain, documents)
            return
        place = 0
        while place < len(documents):
            rendered = self._confined(documents[place:], time.monotonic())
            place += len(rendered)
            yield from rendered

    def _plain(self, values: Values) -> str | Failed:
        began = time.monotonic()
        outcome = self._template.render_quickly(values)
        if outcome is None and text_chars(values) > LONG_CHARS:
            # Wait for a child: in this process it would hold the lock for long.
            rendering_process().prepare()
            return self._confined([values], time.monotonic())[0]
        if outcome is None and rendering_process().is_ready():
            return self._confined([values], began)[0]
        if outcome is None:  # The next such document finds a child.
            outcome = self._template.render(values, UNCONFINED)
        self._note(outcome)
        return outcome

    def _confined(self, documents: Sequence[Values], began: float) -> list[str | Failed]:
        if self._kills >= MOST_KILLS:
            return [Failed(_GIVEN_UP)] * len(documents)
        hurry = self._seconds > HURRY_SECONDS
        rendered = rendering_process().render(self._source, documents, began=began, hurry=hurry)
        for outcome in rendered:
            self._note(outcome)
        return rendered

    def _note(self, outcome: str | Failed) -> None:
        if isinstance(outcome, Failed) and outcome.seconds:
            self._seconds += outcome.seconds
            self._kills += outcome.is_killed
        else:
            self._seconds, self._kills = 0.0, 0


def _text(outcome: str | Failed) -> str | PromptFailed:
    return PromptFailed(reason=outcome.reason) if isinstance(outcome, Failed) else outcome
