"""Open a job's input: refuse what cannot work before anything is stored."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

import orjson

from qwenq.producer.given_rows import ROWS_NAME, read_given
from qwenq.producer.reading import Format, Rows, read_rows
from qwenq.producer.reading.column_names import named
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.access import ANYWHERE, Access
from qwenq.producer.reasons import Reasons
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import InvalidParameter, NoGoodRow, UnknownColumn
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.table_options import FOUND_OUT, TableOptions

PEEKED_ROWS = 1_000
PEEKED_DOCUMENTS = 100
PEEKED_CHARS = 8 * 1024 * 1024
TRIAL_SECONDS = 5.0
"""How long a template is tried with the first documents, if each of them takes long and lacks a column."""
NAMED_INPUTS = 5


def open_input(
    spec: JobSpec,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    stdin: BinaryIO | None = None,
    sheet: str | None = None,
    access: Access = ANYWHERE,
    tables: TableOptions = FOUND_OUT,
    tell: Callable[[str], object] | None = None,
) -> tuple[JobSpec, Iterator[Row]]:
    """Open the inputs behind the job's sources, and check the first rows. `tell` gets what was found out of them.

    Returns all rows, and the job with these inputs as its sources. Raises InvalidTemplate, InvalidParameter, what
    read_rows raises, UnknownColumn (the template or --id-column names a column that none of the first documents has)
    and NoGoodRow. If the first PEEKED_ROWS rows are all bad, reading goes on: a good one may follow.
    """
    template, merge = checked_prompts(spec)
    rows = read_rows(
        spec.sources, format, spec.prompt, spec.params, stdin, sheet, access, tables=tables, tell=tell
    )
    return _checked(spec, template, merge, rows, tell)


def open_rows(spec: JobSpec, given: object) -> tuple[JobSpec, Iterator[Row]]:
    """Open rows that a program gives, an iterable of mappings or a DataFrame, and check the first ones.

    Returns and raises what open_input does.
    """
    template, merge = checked_prompts(spec)
    rows = Rows((ROWS_NAME,), read_given(given, RowRules(spec.prompt, spec.params)))
    return _checked(spec, template, merge, rows, None)


def _checked(
    spec: JobSpec,
    template: PromptTemplate,
    merge: MergeTemplate | None,
    rows: Rows,
    tell: Callable[[str], object] | None,
) -> tuple[JobSpec, Iterator[Row]]:
    peeked = list(_first(rows.stream))
    documents = [row for row in peeked if isinstance(row, Document)]
    if documents:
        _check_columns(template, spec.prompt, documents, rows.sources)
        if merge is not None:
            _check_merge_columns(merge, template, documents, rows.sources)
        if tell is not None:
            for name in sorted({name for one in documents for name in template.hidden_columns(one.content)}):
                tell(
                    f"the input has a column {name!r}, too: the prompt sees the value that was given instead"
                )
    elif len(peeked) < PEEKED_ROWS:
        reasons = Reasons()
        reasons.add_bad(peeked)
        raise no_good_row(rows.sources, reasons)
    return spec.model_copy(update={"sources": rows.sources}), chain(peeked, rows.stream)


def checked_prompts(spec: JobSpec) -> tuple[PromptTemplate, MergeTemplate | None]:
    """Compile the job's prompt and its merge prompt. Raises InvalidTemplate, InvalidParameter."""
    template = PromptTemplate.from_spec(spec.prompt)
    if template.names_nothing:
        reason = "it names no column, so every document would be asked the same; did you mean {{ text }}?"
        raise InvalidParameter(name="the prompt", reason=reason)
    merge = MergeTemplate.of(spec.prompt, spec.params)
    if merge is not None and not merge.names_parts:
        reason = "it does not name the answers to merge, such as {{ parts | join('\n\n') }}"
        raise InvalidParameter(name="the merge prompt", reason=reason)
    return template, merge


def no_good_row(sources: Sequence[str], reasons: Reasons) -> NoGoodRow:
    """The error for an input without a document; it gives the first bad row's reason, and the commonest ones."""
    if reasons.first is None:
        return NoGoodRow(source=named_inputs(sources), reason="it is empty")
    source, reason = reasons.why(sources)
    return NoGoodRow(source=source, reason=reason)


def named_inputs(sources: Sequence[str]) -> str:
    """Inputs to show: the first few names."""
    more = len(sources) - NAMED_INPUTS
    return ", ".join(sources[:NAMED_INPUTS]) + (f" and {more:,} more" if more > 0 else "")


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    """The first rows: enough documents to check, and not too much text."""
    documents = chars = 0
    for count, row in enumerate(rows, start=1):
        yield row
        if isinstance(row, Document):
            documents += 1
            chars += len(row.content)
        if count >= PEEKED_ROWS or documents >= PEEKED_DOCUMENTS or chars >= PEEKED_CHARS:
            return


def _check_columns(
    template: PromptTemplate, prompt: PromptSpec, documents: Sequence[Document], sources: Sequence[str]
) -> None:
    """Raise UnknownColumn if the id column or a name in the template is missing in all of these documents.

    Raises InvalidParameter if what is missing is no column, but a member of a value.
    One document that has it is enough: a column may be missing here and there.
    """
    column = _missing_id(prompt, documents)
    if column is None:
        column = _missing_in_all(template.missing_column(document.content) for document in documents)
        if column is not None and not template.names_column(column):
            reason = (
                f"it reads {column!r} inside of another value, where none of the first documents has it; --prompt"
                " '{{ row | tojson }}' shows what they hold, and `| default(…)` allows for it"
            )
            raise InvalidParameter(name="the prompt", reason=reason)
    if column is not None:
        raise _unknown_column(column, template, documents[0], sources)


def _check_merge_columns(
    merge: MergeTemplate, template: PromptTemplate, documents: Sequence[Document], sources: Sequence[str]
) -> None:
    """Raise UnknownColumn if a column that the merge prompt names is missing in all of these documents."""
    missing = (merge.missing_column(template.columns(document.content)) for document in documents)
    name = _missing_in_all(missing)
    if name is not None:
        raise _unknown_column(name, template, documents[0], sources)


def _unknown_column(
    column: str, template: PromptTemplate, document: Document, sources: Sequence[str]
) -> UnknownColumn:
    columns = template.columns(document.content)
    shown = named(columns)
    odd = [name for name in columns if not name.isidentifier()]
    if odd:
        # `e` may be meant for "e-mail", and `first_name` for "first name".
        likeliest = max(odd, key=lambda name: (_letters(name) == _letters(column), name.startswith(column)))
        shown += f" (in a template: row[{json.dumps(likeliest, ensure_ascii=False)}])"
    return UnknownColumn(source=sources[document.source], column=column, columns=shown)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _missing_in_all(missing: Iterator[str | None]) -> str | None:
    """The name that the last tried document lacks; None if one of them lacks nothing."""
    name, until = None, time.monotonic() + TRIAL_SECONDS
    for name in missing:
        if name is None or time.monotonic() > until:
            break
    return name


def _missing_id(prompt: PromptSpec, documents: Sequence[Document]) -> str | None:
    column = prompt.id_column
    if column == PromptSpec.model_fields["id_column"].default:
        return None
    found = any(column in orjson.loads(document.content) for document in documents)
    return None if found else column
