"""Documents of a job with the beginnings of their texts and answers, for a list of what a search found."""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, func, select

from qwenq.schemas.results import EmptyCause, FinishReason
from qwenq.schemas.states import DocumentState
from qwenq.schemas.tables.columns import AnswerText
from qwenq.schemas.tables.core import documents, results
from qwenq.schemas.views.found_documents import FoundDocument
from qwenq.schemas.views.job_pages import CutText
from qwenq.store.conditions import document_state, why_empty
from qwenq.store.views.jobs.details import job_sources

CONTENT_CHARACTERS = 8_000
"""More than is shown: only a complete row is valid JSON, and its text can then be shown as text."""
SHOWN_CHARACTERS = 600


def found_lines(connection: Connection, job_id: int, seqs: Sequence[int]) -> tuple[FoundDocument, ...]:
    """These documents in input order."""
    if not seqs:
        return ()
    sources = job_sources(connection, job_id)
    rows = connection.execute(
        select(
            documents.c.seq,
            documents.c.custom_id,
            documents.c.shown_id,
            documents.c.source,
            documents.c.line,
            document_state().label("state"),
            func.substr(documents.c.content, 1, CONTENT_CHARACTERS).label("content"),
            func.length(documents.c.content).label("content_characters"),
            documents.c.error_code,
            func.substr(documents.c.error_message, 1, SHOWN_CHARACTERS).label("message"),
            func.length(documents.c.error_message).label("message_characters"),
            func.substr(results.c.text, 1, SHOWN_CHARACTERS, type_=AnswerText).label("answer"),
            func.length(results.c.text).label("answer_characters"),
            results.c.finish_reason,
            why_empty().label("empty_cause"),
            results.c.completion_tokens,
            results.c.reused_from,
        )
        .select_from(
            documents.outerjoin(
                results, (results.c.job_id == documents.c.job_id) & (results.c.seq == documents.c.seq)
            )
        )
        .where(documents.c.job_id == job_id, documents.c.seq.in_(seqs))
        .order_by(documents.c.seq)
    )
    return tuple(_line(row, sources) for row in rows)


def _line(row: Row[tuple[object, ...]], sources: Sequence[str]) -> FoundDocument:
    return FoundDocument(
        seq=row.seq,
        custom_id=row.shown_id if row.custom_id is None else row.custom_id,
        source=sources[row.source],
        line=row.line,
        state=DocumentState(row.state),
        content=CutText(row.content, row.content_characters),
        answer=None if row.answer is None else CutText(row.answer, row.answer_characters),
        finish_reason=None if row.finish_reason is None else FinishReason(row.finish_reason),
        empty_cause=None if row.empty_cause is None else EmptyCause(row.empty_cause),
        completion_tokens=row.completion_tokens,
        reused=row.reused_from is not None,
        error_code=row.error_code,
        error_message=None if row.message is None else CutText(row.message, row.message_characters),
    )
