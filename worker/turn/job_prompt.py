"""The compiled prompts of a job: the prompt around a document, and the prompt that merges the answers to its parts."""

from dataclasses import dataclass
from typing import Self

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.errors import InvalidOverride, InvalidParameter
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.requests import Request


@dataclass(frozen=True, slots=True)
class JobPrompt:
    """A job's prompt, and its merge prompt where long documents are split."""

    template: PromptTemplate
    merge: MergeTemplate | None

    @classmethod
    def of(cls, prompt: PromptSpec, params: GenerationParams) -> Self:
        """Compile both. Raises InvalidTemplate."""
        return cls(PromptTemplate.from_spec(prompt), MergeTemplate.of(prompt, params))

    def request(self, seq: int, content: str, assignment: Assignment) -> Request:
        """Render a document. Raises DocumentFailed."""
        rendered = self.template.render(content)
        try:
            params = assignment.params.overlaid(rendered.overrides)
        except (
            InvalidParameter
        ) as error:  # it was checked when it was read, by a version that may have allowed more
            raise InvalidOverride(reason=f"{error.name}: {error.reason}") from error
        return Request(seq, rendered.prompt, params, assignment.claim.chunk_id)

    def merge_basis(self, content: str) -> str | None:
        """What decides how a document's parts are merged, beside the answers to them. None: it is never split."""
        if self.merge is None:
            return None
        return self.merge.basis(self.template.columns(content) if self.merge.names_columns else {})
