"""Preview a job: its first prompts, and what the whole input holds. Nothing is stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from qwenq.producer.bad_rows import BadRows
from qwenq.producer.opening import no_good_row, open_input
from qwenq.producer.planning import estimated_tokens, prompt_overhead
from qwenq.producer.reading import Access, Format
from qwenq.producer.reading.sources.access import ANYWHERE
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.results import Failure
from qwenq.schemas.table_options import FOUND_OUT, TableOptions

SHOWN = 3


@dataclass(frozen=True, slots=True)
class PreviewedPrompt:
    """One document as the model would see it, or why it would fail."""

    custom_id: str
    line: int
    messages: tuple[Message, ...]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The first prompts and the first bad rows; counts of the whole input.

    `about_prompt_tokens` is estimated from lengths, without a tokenizer. Repeated ids are not counted as bad: the store
    finds them when the job is submitted.
    """

    prompts: tuple[PreviewedPrompt, ...]
    bad_rows: tuple[BadRow, ...]
    documents: int
    rejected: int
    about_prompt_tokens: int


def preview(
    spec: JobSpec,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    stdin: BinaryIO | None = None,
    shown: int = SHOWN,
    sheet: str | None = None,
    access: Access = ANYWHERE,
    tables: TableOptions = FOUND_OUT,
    tell: Callable[[str], object] | None = None,
) -> Preview:
    """Read the whole input, streaming, and store nothing. Raises what open_input raises."""
    template = PromptTemplate.from_spec(spec.prompt)
    overhead = prompt_overhead(spec.prompt)
    prompts: list[PreviewedPrompt] = []
    bad_rows: list[BadRow] = []
    all_bad = BadRows()
    documents = rejected = tokens = 0
    spec, rows = open_input(spec, format, stdin, sheet, access, tables, tell)
    for row in rows:
        if isinstance(row, BadRow):
            rejected += 1
            if not documents:
                all_bad.add((row,))
            if len(bad_rows) < max(shown, 1):
                bad_rows.append(row)
            continue
        documents += 1
        tokens += estimated_tokens(row.content) + overhead
        if len(prompts) < shown:
            prompts.append(_previewed(template, row))
    if not documents:
        raise no_good_row(spec.sources, all_bad)
    return Preview(tuple(prompts), tuple(bad_rows), documents, rejected, tokens)


def _previewed(template: PromptTemplate, document: Document) -> PreviewedPrompt:
    try:
        prompt = template.render(document.content).prompt
    except DocumentFailed as error:
        failure = Failure(error.code, str(error))
        return PreviewedPrompt(document.custom_id, document.line, (), failure)
    return PreviewedPrompt(document.custom_id, document.line, prompt.messages)
