"""A search for documents of a job, in the order of the input. Each statement reads a bounded part of the job.

Error codes have an index. Chunks count their answers and failures, so that chunks without a match are skipped. Texts
have no index: the database compares them a piece of the job after the other, until a page is full or the time is up.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from qwenq.schemas.results import FinishReason
from qwenq.schemas.states import ChunkState, DocumentState, StoredDocumentState
from qwenq.schemas.tables.core import chunks, documents, results
from qwenq.schemas.views.found_documents import AnswerKind, DocumentFilter, FoundPage
from qwenq.store.conditions import has_no_outcome, unfinished_of_chunk, why_empty
from qwenq.store.views.answers.found_lines import found_lines
from qwenq.store.views.answers.shown import places_of
from qwenq.store.views.answers.stored_rows import stored_rows
from qwenq.store.views.answers.text_matching import answer_may_say, row_may_say, row_says

PIECE_DOCUMENTS = 1_000
"""The most documents that one statement compares."""
CANDIDATES = 100
"""The most documents whose texts are compared here at once."""
_CHUNKS_AT_ONCE = 500

_Span = tuple[int, int]


def search_documents(
    connection: Connection,
    job_id: int,
    wanted: DocumentFilter,
    after: int,
    most: int,
    seconds: float | None = None,
) -> FoundPage:
    """At most `most` documents that match, after the document `after` (-1: all), found within `seconds` if given."""
    until = None if seconds is None else time.monotonic() + seconds
    if wanted.id is not None and (places := places_of(connection, job_id, wanted.id)):
        wanted = replace(wanted, id=None)
        pieces = _pieces((place, place) for place in places if place > after)
    elif wanted.code is not None:
        pieces = _pieces_of_code(connection, job_id, wanted.code, after)
    else:
        pieces = _pieces(_spans(connection, job_id, wanted, after))
    found: list[int] = []
    for first, last in pieces:
        for seq in _matches(connection, job_id, wanted, first, last):
            if len(found) == most:
                return FoundPage(found_lines(connection, job_id, found), found[-1])
            found.append(seq)
        if until is not None and time.monotonic() > until:
            return FoundPage(found_lines(connection, job_id, found), last, stopped=True)
    return FoundPage(found_lines(connection, job_id, found), None)


def _spans(connection: Connection, job_id: int, wanted: DocumentFilter, after: int) -> Iterator[_Span]:
    """Ranges of the input in which documents may match."""
    query = (
        select(chunks.c.first_seq, chunks.c.last_seq)
        .where(chunks.c.job_id == job_id, *_of_chunks(wanted))
        .order_by(chunks.c.first_seq)
        .limit(_CHUNKS_AT_ONCE)
    )
    while rows := connection.execute(query.where(chunks.c.last_seq > after)).all():
        for row in rows:
            yield max(row.first_seq, after + 1), row.last_seq
        after = rows[-1].last_seq


def _pieces(spans: Iterator[_Span]) -> Iterator[_Span]:
    """The same ranges, neighbours together and long ones cut, so that each has at most PIECE_DOCUMENTS."""
    begin, end = 0, -1
    for first, last in spans:
        if first != end + 1:
            if begin <= end:
                yield begin, end
            begin = first
        end = last
        while end - begin >= PIECE_DOCUMENTS:
            yield begin, begin + PIECE_DOCUMENTS - 1
            begin += PIECE_DOCUMENTS
    if begin <= end:
        yield begin, end


def _pieces_of_code(connection: Connection, job_id: int, code: str, after: int) -> Iterator[_Span]:
    """Ranges of the input with at most PIECE_DOCUMENTS documents of this error code, found by their index."""
    query = (
        select(documents.c.seq)
        .where(documents.c.job_id == job_id, documents.c.error_code == code)
        .order_by(documents.c.seq)
        .limit(PIECE_DOCUMENTS)
    )
    while places := connection.execute(query.where(documents.c.seq > after)).scalars().all():
        yield places[0], places[-1]
        after = places[-1]


def _of_chunks(wanted: DocumentFilter) -> Iterator[ColumnElement[bool]]:
    """Conditions on chunks that hold a match."""
    if wanted.answer is not None:
        yield chunks.c.succeeded > 0
    match wanted.state:
        case DocumentState.SUCCEEDED:
            yield chunks.c.succeeded > 0
        case DocumentState.FAILED:
            yield chunks.c.failed > 0
        case DocumentState.CANCELLED:
            yield chunks.c.cancelled > 0
        case DocumentState.PENDING | DocumentState.RUNNING as state:
            is_running = chunks.c.state == ChunkState.RUNNING
            yield unfinished_of_chunk() > 0
            yield is_running if state == DocumentState.RUNNING else ~is_running
    if wanted.kind is not None:
        yield chunks.c[wanted.kind.value] > 0


def _matches(
    connection: Connection, job_id: int, wanted: DocumentFilter, first: int, last: int
) -> Iterator[int]:
    """The places of the documents of one piece that match."""
    while first <= last:
        candidates = connection.execute(_candidates(job_id, wanted, first, last)).scalars().all()
        yield from _confirmed(connection, job_id, wanted, candidates)
        if len(candidates) < CANDIDATES:
            return
        first = candidates[-1] + 1


def _candidates(job_id: int, wanted: DocumentFilter, first: int, last: int) -> Select[Any]:
    of_piece = and_(documents.c.job_id == job_id, documents.c.seq.between(first, last))
    query = select(documents.c.seq).where(of_piece, *_of_documents(wanted))
    answered = list(_of_answers(wanted))
    if answered:
        of_document = (results.c.job_id == documents.c.job_id) & (results.c.seq == documents.c.seq)
        # Say the range of both tables: PostgreSQL would read all answers of the job for a range of documents.
        query = query.join(results, of_document).where(
            results.c.job_id == job_id, results.c.seq.between(first, last), *answered
        )
    return query.order_by(documents.c.seq).limit(CANDIDATES)


def _of_documents(wanted: DocumentFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.id is not None:
        ids = (documents.c.custom_id, documents.c.shown_id)
        yield or_(*(one.icontains(wanted.id, autoescape=True) for one in ids))
    if wanted.text is not None:
        yield row_may_say(documents.c.content, wanted.text)
    if wanted.code is not None:
        yield documents.c.error_code == wanted.code
    match wanted.state:
        case DocumentState.FAILED:
            yield documents.c.error_code.is_not(None)
        case DocumentState.CANCELLED:
            yield documents.c.state == StoredDocumentState.CANCELLED
        case DocumentState.PENDING | DocumentState.RUNNING:
            yield has_no_outcome()


def _of_answers(wanted: DocumentFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.answer is not None:
        yield answer_may_say(results.c.text, wanted.answer)
    if wanted.state == DocumentState.SUCCEEDED:
        yield results.c.seq.is_not(None)
    match wanted.kind:
        case AnswerKind.CUT:
            yield results.c.finish_reason == FinishReason.LENGTH
        case AnswerKind.EMPTY:
            yield why_empty().is_not(None)
        case AnswerKind.REASONING_CUT | AnswerKind.REASONING_ENDED as kind:
            yield why_empty() == kind.value
        case AnswerKind.REUSED:
            yield results.c.reused_from.is_not(None)


def _confirmed(
    connection: Connection, job_id: int, wanted: DocumentFilter, candidates: Sequence[int]
) -> Sequence[int]:
    """Those that hold the texts."""
    if wanted.text is not None and candidates:
        rows = stored_rows(connection, job_id, candidates)
        candidates = [seq for seq, row in zip(candidates, rows, strict=True) if row_says(row, wanted.text)]
    if wanted.answer is not None and candidates:
        part = wanted.answer.lower()
        texts = connection.execute(
            select(results.c.seq, results.c.text)
            .where(results.c.job_id == job_id, results.c.seq.in_(candidates))
            .order_by(results.c.seq)
        )
        candidates = [seq for seq, text in texts if part in text.lower()]
    return candidates
