"""Opening a job's input: what cannot work is refused before anything is stored."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

import orjson

from qwenq.producer.reading import Format, Rows, read_rows
from qwenq.producer.reading.rules import named
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidParameter, NoGoodRow, UnknownColumn
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.templating import PromptTemplate

PEEKED_ROWS = 1_000
PEEKED_DOCUMENTS = 100
PEEKED_CHARS = 8 * 1024 * 1024
NAMED_INPUTS = 5


def open_input(
    spec: JobSpec,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    stdin: BinaryIO | None = None,
    sheet: str | None = None,
) -> Rows:
    """All rows of the inputs behind the job's sources, the first of them already looked at; nothing is lost.

    Raises InvalidTemplate, what read_rows raises, UnknownColumn (no document among the first has a column that the
    template or --id-column names) and NoGoodRow. When the first PEEKED_ROWS rows are all bad, they are handed on: a
    good one may follow.
    """
    template, merge = checked_prompts(spec)
    rows = read_rows(spec.sources, format, spec.prompt, spec.params, stdin, sheet)
    peeked = list(_first(rows.stream))
    documents = [row for row in peeked if isinstance(row, Document)]
    if documents:
        _check_columns(template, spec.prompt, documents, rows.sources)
        if merge is not None:
            _check_merge_columns(merge, template, documents, rows.sources)
    elif len(peeked) < PEEKED_ROWS:
        raise no_good_row(rows.sources, [row for row in peeked if isinstance(row, BadRow)])
    return Rows(rows.sources, chain(peeked, rows.stream))


def checked_prompts(spec: JobSpec) -> tuple[PromptTemplate, MergeTemplate | None]:
    """The job's prompt, and the one that merges, whatever its input is. Raises InvalidTemplate, InvalidParameter."""
    template = PromptTemplate.from_spec(spec.prompt)
    if template.names_nothing:
        reason = (
            "it names no column, so every document would be asked the same; {{ text }} may be what is meant"
        )
        raise InvalidParameter(name="the prompt", reason=reason)
    merge = MergeTemplate.of(spec.prompt, spec.params)
    if merge is not None and not merge.names_parts:
        reason = "it does not name the answers that it is to merge, such as {{ parts | join('\n\n') }}"
        raise InvalidParameter(name="the merge prompt", reason=reason)
    return template, merge


def _check_columns(
    template: PromptTemplate, prompt: PromptSpec, documents: Sequence[Document], sources: Sequence[str]
) -> None:
    """Refuse a template or an id column that fits none of these documents. Raises UnknownColumn.

    One document that has the column is enough: a column may be missing here and there.
    """
    column = _missing_id(prompt, documents) or _missing_name(template, documents)
    if column is not None:
        first = documents[0]
        columns = named(template.columns(first.content))
        raise UnknownColumn(source=sources[first.source], column=column, columns=columns)


def _check_merge_columns(
    merge: MergeTemplate, template: PromptTemplate, documents: Sequence[Document], sources: Sequence[str]
) -> None:
    """Refuse a merge prompt that asks for a column which none of these documents has. Raises UnknownColumn."""
    missing = [merge.missing_column(template.columns(document.content)) for document in documents]
    if all(missing):
        first = documents[0]
        columns = named(template.columns(first.content))
        raise UnknownColumn(source=sources[first.source], column=str(missing[0]), columns=columns)


def no_good_row(sources: Sequence[str], rejected: Sequence[BadRow]) -> NoGoodRow:
    """The refusal of an input without a single document, with the first bad row's reason."""
    if not rejected:
        return NoGoodRow(source=named_inputs(sources), reason="it is empty")
    first = rejected[0]
    more = f"; {len(rejected)} bad rows in all" if len(rejected) > 1 else ""
    return NoGoodRow(source=sources[first.source], reason=f"line {first.line}: {first.reason}{more}")


def named_inputs(sources: Sequence[str]) -> str:
    """Inputs for people: the first few by name."""
    more = len(sources) - NAMED_INPUTS
    return ", ".join(sources[:NAMED_INPUTS]) + (f" and {more:,} more" if more > 0 else "")


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows at the beginning: enough documents to judge by, as far as they are small."""
    documents = chars = 0
    for count, row in enumerate(rows, start=1):
        yield row
        if isinstance(row, Document):
            documents += 1
            chars += len(row.content)
        if count >= PEEKED_ROWS or documents >= PEEKED_DOCUMENTS or chars >= PEEKED_CHARS:
            return


def _missing_name(template: PromptTemplate, documents: Sequence[Document]) -> str | None:
    name = None
    for document in documents:
        name = template.missing_column(document.content)
        if name is None:
            return None
    return name


def _missing_id(prompt: PromptSpec, documents: Sequence[Document]) -> str | None:
    column = prompt.id_column
    if column == PromptSpec.model_fields["id_column"].default:
        return None
    found = any(column in orjson.loads(document.content) for document in documents)
    return None if found else column
