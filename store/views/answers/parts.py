"""Answers to the parts of long documents."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, select, tuple_

from qwenq.schemas.parts import Part, PartAnswer, PartLine
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.tables.core import documents
from qwenq.schemas.tables.parts import parts

PAGE_ROWS = 2_000


_USAGE = (parts.c.prompt_tokens, parts.c.completion_tokens, parts.c.reasoning_tokens, parts.c.prefix_tokens)


_ANSWER = (parts.c.text, parts.c.finish_reason, *_USAGE, parts.c.seconds)


_PLACE = (parts.c.seq, parts.c.level, parts.c.part, parts.c.first_char, parts.c.last_char)


def answered_parts(connection: Connection, job_id: int, seq: int) -> Mapping[Part, PartAnswer]:
    """The answers to a document's parts so far."""
    found: Select[Any] = select(*_PLACE, *_ANSWER).where(parts.c.job_id == job_id, parts.c.seq == seq)
    return {
        Part(row.seq, row.level, row.part, row.first_char, row.last_char + 1): PartAnswer(
            row.text, FinishReason(row.finish_reason), _usage(row), row.seconds
        )
        for row in connection.execute(found)
    }


def parts_of(connection: Connection, job_id: int) -> Iterator[PartLine]:
    """All answers to parts of a job's documents, in input order, with a page of rows in memory at a time."""
    order = (parts.c.seq, parts.c.level, parts.c.part)
    page: Select[Any] = (
        select(documents.c.custom_id, *_PLACE, *_ANSWER)
        .join_from(
            parts, documents, (documents.c.job_id == parts.c.job_id) & (documents.c.seq == parts.c.seq)
        )
        .where(parts.c.job_id == job_id)
        .order_by(*order)
        .limit(PAGE_ROWS)
    )
    after = (-1, -1, -1)
    while rows := connection.execute(page.where(tuple_(*order) > tuple_(*after))).all():
        yield from map(_line_of, rows)
        last = rows[-1]
        after = (last.seq, last.level, last.part)


def parts_of_document(connection: Connection, job_id: int, seq: int) -> list[PartLine]:
    """The answers to the parts of one document, by level."""
    found: Select[Any] = (
        select(documents.c.custom_id, *_PLACE, *_ANSWER)
        .join_from(
            parts, documents, (documents.c.job_id == parts.c.job_id) & (documents.c.seq == parts.c.seq)
        )
        .where(parts.c.job_id == job_id, parts.c.seq == seq)
        .order_by(parts.c.level, parts.c.part)
    )
    return [_line_of(row) for row in connection.execute(found)]


def _line_of(row: Row[Any]) -> PartLine:
    return PartLine(
        custom_id=row.custom_id,
        level=row.level,
        part=row.part,
        first_char=row.first_char,
        last_char=row.last_char,
        text=row.text,
        finish_reason=FinishReason(row.finish_reason),
        usage=_usage(row),
    )


def _usage(row: Row[Any]) -> Usage:
    return Usage(row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.prefix_tokens)
