"""Preview a job: its first prompts, and what the whole input would give. Nothing is stored."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from qwenq.producer.first_uses import FirstUses
from qwenq.producer.opening import no_good_row, open_input
from qwenq.producer.planning import estimated_tokens, prompt_overhead
from qwenq.producer.reading import Access, Format
from qwenq.producer.reading.sources.access import ANYWHERE
from qwenq.producer.reasons import CountedReason, Reasons
from qwenq.schemas.documents import BadRow, Document, Row, repeated_id
from qwenq.schemas.errors import DocumentFailed, InvalidRow
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.prompts.templating import PromptTemplate, RenderedDocument
from qwenq.schemas.results import Failure
from qwenq.schemas.table_options import FOUND_OUT, TableOptions

SHOWN = 3
COUNTED_SECONDS = 20.0
"""How long prompts are rendered and counted. The rest of a long input is estimated from them."""
RENDERED_AT_ONCE = 64
MOST_REASONS = 20
_REPEATED = "the id was used before"


@dataclass(frozen=True, slots=True)
class PromptMeasure:
    """Counts a prompt's tokens, exactly or about. `context` is the model's, in tokens; None if it is not known."""

    tokens: Callable[[Sequence[Message]], int]
    context: int | None = None


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

    `documents` are good rows; `failing` of them would fail without an answer; `reasons` counts both these and the bad
    rows. `too_long` do not fit into the model's context; what becomes of them, --on-overflow says.
    `rendered` documents were rendered and counted; the figures of the others are estimated from these. `sources` are
    the inputs by `source` of rows and reasons.
    """

    prompts: tuple[PreviewedPrompt, ...]
    bad_rows: tuple[BadRow, ...]
    documents: int
    rejected: int
    about_prompt_tokens: int
    failing: int
    too_long: int
    rendered: int
    reasons: tuple[CountedReason, ...]
    context: int | None
    sources: tuple[str, ...]


def preview(
    spec: JobSpec,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    stdin: BinaryIO | None = None,
    shown: int = SHOWN,
    sheet: str | None = None,
    access: Access = ANYWHERE,
    tables: TableOptions = FOUND_OUT,
    tell: Callable[[str], object] | None = None,
    measure: PromptMeasure | None = None,
    checked: Callable[[Iterator[Row]], Iterator[Row]] = iter,
) -> Preview:
    """Read the whole input, streaming, and store nothing. `checked` gives back the rows, or raises what is wrong.

    Raises what open_input raises.
    """
    spec, rows = open_input(spec, format, stdin, sheet, access, tables, tell)
    seen = _Seen(spec, shown, measure)
    waiting = checked(rows)
    while batch := list(islice(waiting, RENDERED_AT_ONCE)):
        seen.add(batch)
    if not seen.documents:
        raise no_good_row(spec.sources, seen.reasons)
    return seen.summary()


class _Seen:
    """What was read so far."""

    def __init__(self, spec: JobSpec, shown: int, measure: PromptMeasure | None) -> None:
        self._spec = spec
        self._shown = shown
        self._measure = measure
        self._template = PromptTemplate.from_spec(spec.prompt)
        self._overhead = prompt_overhead(spec.prompt)
        self._first_uses = FirstUses()
        self._prompts: list[PreviewedPrompt] = []
        self._until = time.monotonic() + COUNTED_SECONDS
        self._rendered = self._failing = self._too_long = self._rejected = 0
        self._tokens = self._tokens_by_length = self._tokens_by_length_of_rendered = 0
        self.bad_rows: list[BadRow] = []
        self.reasons = Reasons()
        self.documents = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Add the next rows."""
        documents = list(self._good(rows))
        self.documents += len(documents)
        lengths = [estimated_tokens(document.content) + self._overhead for document in documents]
        self._tokens_by_length += sum(lengths)
        if len(self._prompts) >= self._shown and time.monotonic() > self._until:
            return
        self._rendered += len(documents)
        self._tokens_by_length_of_rendered += sum(lengths)
        contents = (document.content for document in documents)
        for document, length, rendered in zip(
            documents, lengths, self._template.render_all(contents), strict=True
        ):
            self._look_at(document, length, rendered)

    def summary(self) -> Preview:
        """What all rows give."""
        share = self._tokens_by_length / (self._tokens_by_length_of_rendered or 1)
        more = self.documents / self._rendered if self._rendered else 1.0
        return Preview(
            prompts=tuple(self._prompts),
            bad_rows=tuple(self.bad_rows),
            documents=self.documents,
            rejected=self._rejected,
            about_prompt_tokens=round(self._tokens * share),
            failing=round(self._failing * more),
            too_long=round(self._too_long * more),
            rendered=self._rendered,
            reasons=self.reasons.commonest(MOST_REASONS),
            context=self._measure.context if self._measure else None,
            sources=tuple(self._spec.sources),
        )

    def _good(self, rows: Iterable[Row]) -> Iterator[Document]:
        """The rows that become documents, as the store takes them: each id once."""
        for row in rows:
            if isinstance(row, BadRow):
                self.reasons.add_bad((row,))
                self._reject(row)
                continue
            first = self._first_uses.of(row.custom_id, row.source, row.line)
            if first is None:
                yield row
                continue
            reason = repeated_id(row.custom_id, row.line, first, self._spec.sources)
            self.reasons.add(InvalidRow.code, reason, row.line, row.source, like=_REPEATED)
            self._reject(BadRow(row.source, row.line, "", reason))

    def _reject(self, row: BadRow) -> None:
        self._rejected += 1
        if len(self.bad_rows) < max(self._shown, 1):
            self.bad_rows.append(row)

    def _look_at(self, document: Document, length: int, rendered: RenderedDocument | DocumentFailed) -> None:
        if isinstance(rendered, DocumentFailed):
            self._failing += 1
            self.reasons.add(rendered.code, str(rendered), document.line, document.source)
            failure = Failure(rendered.code, str(rendered))
            self._show(PreviewedPrompt(document.custom_id, document.line, (), failure))
            return
        messages = rendered.prompt.messages
        tokens = self._measure.tokens(messages) if self._measure else length
        self._tokens += tokens
        self._show(PreviewedPrompt(document.custom_id, document.line, messages))
        context = self._measure.context if self._measure else None
        most = rendered.overrides.get("max_new_tokens", self._spec.params.max_new_tokens)
        if context is not None and tokens + most > context:
            self._too_long += 1

    def _show(self, prompt: PreviewedPrompt) -> None:
        if len(self._prompts) < self._shown:
            self._prompts.append(prompt)
