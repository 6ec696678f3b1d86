"""The second prompt of a long document: it makes one answer of the answers to its parts.

The template sees `parts`, those answers in order, `part_count`, and the document's columns. Where all answers are too
many for one prompt, it merges some of them at a time, and then what came of that.
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
        from qwenq.schemas.prompts.sandbox import CompiledTemplate

        self._source = source
        try:
            self._template = CompiledTemplate(source)
        except InvalidTemplate as error:
            raise InvalidTemplate(line=error.line, reason=f"in the merge prompt: {error.reason}") from None

    @classmethod
    def of(cls, prompt: PromptSpec, params: GenerationParams) -> Self | None:
        """A job's; None where its documents are not cut. Raises InvalidTemplate."""
        splits = params.on_overflow is Overflow.SPLIT and prompt.merge is not None
        return cls(prompt.merge or "") if splits else None

    @property
    def names_parts(self) -> bool:
        """Whether it looks at the answers at all."""
        return "parts" in self._template.names

    @property
    def names_columns(self) -> bool:
        """Whether it looks at anything of the document beside the answers."""
        return not self._template.names <= _OWN_NAMES

    def missing_column(self, columns: Mapping[str, Any]) -> str | None:
        """The name that the template asks for and these columns lack; None when nothing is missing."""
        return self._template.undefined_name(_with_answers(columns, ["an answer", "another"]))

    def render(
        self, columns: Mapping[str, Any], system: tuple[Message, ...], answers: Sequence[str]
    ) -> tuple[Message, ...]:
        """The conversation that merges these answers. Raises PromptFailed."""
        said = self._template.render(_with_answers(columns, answers)).strip()
        return (*system, Message("user", said))

    def basis(self, columns: Mapping[str, Any]) -> str:
        """What decides a merge beside the answers: the template, and the columns that it looks at."""
        seen = columns.keys() if "row" in self._template.names else self._template.names - _OWN_NAMES
        values = {name: columns[name] for name in sorted(seen) if name in columns}
        return f"{self._source}\n{json.dumps(values)}"


def _with_answers(columns: Mapping[str, Any], answers: Sequence[str]) -> dict[str, Any]:
    return {**columns, "parts": list(answers), "part_count": len(answers)}
