"""Answers to the parts of long documents: written as they come, so that none is computed twice, and kept to be seen."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.chunks import Claim
from qwenq.schemas.parts import Part, PartAnswer, PartLine
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.tables.core import chunks, documents
from qwenq.schemas.tables.parts import parts
from qwenq.store.database.clock import now
from qwenq.store.outcomes.outcome_rows import storable

PAGE_ROWS = 2_000
_USAGE = (parts.c.prompt_tokens, parts.c.completion_tokens, parts.c.reasoning_tokens, parts.c.prefix_tokens)
_ANSWER = (parts.c.text, parts.c.finish_reason, *_USAGE, parts.c.seconds)
_PLACE = (parts.c.seq, parts.c.level, parts.c.part, parts.c.first_char, parts.c.last_char)


def insert_parts(connection: Connection, claim: Claim, answers: Mapping[Part, PartAnswer]) -> None:
    """Write answers to parts, in place of older ones. The caller holds the fence.

    Whoever gets on with a document is no suspect, even before its end.
    """
    if not answers:
        return
    rows = [_row_of(claim.job_id, part, answer) for part, answer in answers.items()]
    inserting = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(parts)
    given = {
        name: inserting.excluded[name] for name in rows[0] if name not in {"job_id", "seq", "level", "part"}
    }
    connection.execute(
        inserting.values(created_at=now()).on_conflict_do_update(
            index_elements=[parts.c.job_id, parts.c.seq, parts.c.level, parts.c.part],
            set_={**given, "created_at": now()},
        ),
        rows,
    )
    connection.execute(update(chunks).where(chunks.c.id == claim.chunk_id).values(crashes=0))


def answered_parts(connection: Connection, job_id: int, seq: int) -> Mapping[Part, PartAnswer]:
    """What is answered already of a document."""
    found: Select[Any] = select(*_PLACE, *_ANSWER).where(parts.c.job_id == job_id, parts.c.seq == seq)
    return {
        Part(row.seq, row.level, row.part, row.first_char, row.last_char + 1): PartAnswer(
            row.text, FinishReason(row.finish_reason), _usage(row), row.seconds
        )
        for row in connection.execute(found)
    }


def parts_of(connection: Connection, job_id: int) -> Iterator[PartLine]:
    """All answers to parts of a job's documents in input order, a page of rows in memory at a time."""
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


def _row_of(job_id: int, part: Part, answer: PartAnswer) -> dict[str, Any]:
    usage = answer.usage
    return {
        "job_id": job_id,
        "seq": part.seq,
        "level": part.level,
        "part": part.place,
        "first_char": part.first,
        "last_char": part.last - 1,
        "text": storable(answer.text),
        "finish_reason": answer.finish_reason.value,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "prefix_tokens": usage.prefix_tokens,
        "seconds": answer.seconds,
    }


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
