"""The compiled prompts of a job: the prompt around a document, and the prompt that merges the answers to its parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from qwenq.schemas.chunks import Assignment
from qwenq.schemas.errors import DocumentFailed, InvalidOverride, InvalidParameter
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.templating import PromptTemplate, RenderedDocument
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.schemas.sampling.settling import settled
from qwenq.worker.turn.seeds import seed_of_document


@dataclass(frozen=True, slots=True)
class JobPrompt:
    """A job's prompt, and its merge prompt where long documents are split.

    `model` is the one that answers: it may decide the sampling parameters that nobody gives.
    """

    template: PromptTemplate
    merge: MergeTemplate | None
    model: ModelInfo

    @classmethod
    def of(cls, prompt: PromptSpec, params: GenerationParams, model: ModelInfo) -> Self:
        """Compile both. Raises InvalidTemplate."""
        return cls(PromptTemplate.from_spec(prompt), MergeTemplate.of(prompt, params), model)

    def requests(self, assignment: Assignment) -> Iterator[Request | DocumentFailed]:
        """Render the documents of an assignment, in order."""
        contents = (content for _, content in assignment.documents)
        for (seq, _), rendered in zip(assignment.documents, self.template.render_all(contents), strict=True):
            yield (
                rendered
                if isinstance(rendered, DocumentFailed)
                else _request(seq, rendered, assignment, self.model)
            )

    def merge_basis(self, content: str) -> str | None:
        """What decides how a document's parts are merged, beside the answers to them. None: it is never split."""
        if self.merge is None:
            return None
        return self.merge.basis(self.template.columns(content) if self.merge.names_columns else {})


def _request(
    seq: int, rendered: RenderedDocument, assignment: Assignment, model: ModelInfo
) -> Request | InvalidOverride:
    try:
        params = settled(assignment.params.overlaid(rendered.overrides), model)
    except (
        InvalidParameter
    ) as error:  # it was checked when it was read, by a version that may have allowed more
        return InvalidOverride(reason=f"{error.name}: {error.reason}")
    if params.temperature and "seed" not in rendered.overrides:
        own_id = assignment.ids.get(seq, str(seq))
        seed = seed_of_document(params, assignment.claim.job_id, own_id)
        params = params.model_copy(update={"seed": seed})
    own_limit = "max_new_tokens" in rendered.overrides
    return Request(
        seq,
        rendered.prompt,
        params,
        assignment.claim.chunk_id,
        own_limit=own_limit,
        urgent=assignment.urgent,
    )
