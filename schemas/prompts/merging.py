"""The merge prompt of a long document: it makes one answer from the answers to its parts.

The template sees `parts` (the answers in order), `part_count`, and the document's columns. If the answers do not fit
into one prompt, groups of them are merged first, then the merged answers.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.generation import GenerationParams, Overflow
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.messages import Message

_OWN_NAMES = frozenset({"parts", "part_count"})


class MergeTemplate:
    """A job's merge prompt, compiled once. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        from qwenq.schemas.prompts.template import Template

        self._source = source
        try:
            self._template = Template(source)
        except InvalidTemplate as error:
            raise InvalidTemplate(line=error.line, reason=f"in the merge prompt: {error.reason}") from None

    @classmethod
    def of(cls, prompt: PromptSpec, params: GenerationParams) -> Self | None:
        """Compile a job's merge prompt; None if its documents are not cut. Raises InvalidTemplate."""
        splits = params.on_overflow is Overflow.SPLIT and prompt.merge is not None
        return cls(prompt.merge or "") if splits else None

    @property
    def names_parts(self) -> bool:
        """Whether the template uses the answers."""
        return "parts" in self._template.names

    @property
    def names_columns(self) -> bool:
        """Whether the template uses the document's columns."""
        return not self._template.names <= _OWN_NAMES

    def missing_column(self, columns: Mapping[str, Any]) -> str | None:
        """A name that the template uses and these columns lack; None if nothing is missing."""
        return self._template.undefined_name(_with_answers(columns, ["an answer", "another"]))

    def render(
        self, columns: Mapping[str, Any], system: tuple[Message, ...], answers: Sequence[str]
    ) -> tuple[Message, ...]:
        """The conversation that merges these answers. Raises PromptFailed."""
        said = self._template.text(_with_answers(columns, answers)).strip()
        return (*system, Message("user", said))

    def basis(self, columns: Mapping[str, Any]) -> str:
        """What a merge depends on beside the answers: the template and the columns that it uses, as text."""
        seen = columns.keys() if "row" in self._template.names else self._template.names - _OWN_NAMES
        values = {name: columns[name] for name in sorted(seen) if name in columns}
        return f"{self._source}\n{json.dumps(values)}"


def _with_answers(columns: Mapping[str, Any], answers: Sequence[str]) -> dict[str, Any]:
    return {**columns, "parts": list(answers), "part_count": len(answers)}
