"""How the documents of a job are asked about: whole, in parts, and in the merging of their answers."""

from dataclasses import dataclass
from typing import Self

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.templating import PromptTemplate


@dataclass(frozen=True, slots=True)
class Asking:
    """A job's prompt, and its merge prompt where its long documents are cut."""

    template: PromptTemplate
    merge: MergeTemplate | None

    @classmethod
    def of(cls, prompt: PromptSpec, params: GenerationParams) -> Self:
        """Compile both. Raises InvalidTemplate."""
        return cls(PromptTemplate.from_spec(prompt), MergeTemplate.of(prompt, params))

    def merge_basis(self, content: str) -> str | None:
        """What decides how a document's parts are merged, beside the answers to them; None where it is not cut."""
        if self.merge is None:
            return None
        return self.merge.basis(self.template.columns(content) if self.merge.names_columns else {})
