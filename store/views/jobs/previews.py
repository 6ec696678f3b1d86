"""Answers beside their documents, for people: the beginnings of a few, or one document in full."""

from sqlalchemy import Connection, bindparam, func, select

from qwenq.schemas.results import FinishReason
from qwenq.schemas.states import DocumentState
from qwenq.schemas.tables.columns import AnswerText
from qwenq.schemas.tables.core import documents, results, workers
from qwenq.schemas.views.job_pages import AnswerPreview, CutText, DocumentAnswer, DocumentDetails, PreviewPage
from qwenq.store.conditions import document_state
from qwenq.store.views.answers.failures import past_failures
from qwenq.store.views.jobs.details import job_sources

CONTENT_CHARACTERS = 8_000
"""More than is shown: only a complete row is valid JSON, and its text can then be shown as text."""
ANSWER_CHARACTERS = 600

# Cut out the page before the join, or PostgreSQL reads all documents before it as well.
_page = (
    select(results)
    .where(results.c.job_id == bindparam("of_job"), results.c.seq > bindparam("after"))
    .order_by(results.c.seq)
    .limit(bindparam("most"))
    .subquery("page")
)
_PAGE = (
    select(
        _page.c.seq,
        documents.c.custom_id,
        func.substr(documents.c.content, 1, CONTENT_CHARACTERS).label("content"),
        func.length(documents.c.content).label("content_characters"),
        func.substr(_page.c.text, 1, ANSWER_CHARACTERS, type_=AnswerText).label("answer"),
        func.length(_page.c.text).label("answer_characters"),
        _page.c.finish_reason,
        _page.c.completion_tokens,
        _page.c.reused_from,
    )
    .join_from(_page, documents, (documents.c.job_id == _page.c.job_id) & (documents.c.seq == _page.c.seq))
    .order_by(_page.c.seq)
)


def preview_page(connection: Connection, job_id: int, after: int, most: int) -> PreviewPage:
    """The beginnings of at most `most` answers and their documents after the document `after` (-1: all)."""
    rows = connection.execute(_PAGE, {"of_job": job_id, "after": after, "most": most + 1}).all()
    shown = rows[:most]
    previews = tuple(
        AnswerPreview(
            seq=row.seq,
            custom_id=row.custom_id,
            content=CutText(row.content, row.content_characters),
            answer=CutText(row.answer, row.answer_characters),
            finish_reason=FinishReason(row.finish_reason),
            completion_tokens=row.completion_tokens,
            reused=row.reused_from is not None,
        )
        for row in shown
    )
    return PreviewPage(previews, shown[-1].seq if len(rows) > most else None)


def document_details(connection: Connection, job_id: int, seq: int) -> DocumentDetails | None:
    """One document in full, with its answer or failures; None when there is no such document."""
    document = connection.execute(
        select(documents, document_state().label("shown")).where(
            documents.c.job_id == job_id, documents.c.seq == seq
        )
    ).one_or_none()
    if document is None:
        return None
    return DocumentDetails(
        seq=seq,
        custom_id=document.custom_id,
        source=job_sources(connection, job_id)[document.source],
        line=document.line,
        state=DocumentState(document.shown),
        content=document.content,
        error_code=document.error_code,
        error_message=document.error_message,
        earlier=past_failures(connection, job_id, [seq]).get(seq, ()),
        answer=_answer(connection, job_id, seq),
    )


def _answer(connection: Connection, job_id: int, seq: int) -> DocumentAnswer | None:
    row = connection.execute(
        select(results, workers.c.name.label("worker"))
        .select_from(results.outerjoin(workers, workers.c.id == results.c.worker_id))
        .where(results.c.job_id == job_id, results.c.seq == seq)
    ).one_or_none()
    if row is None:
        return None
    return DocumentAnswer(
        text=row.text,
        reasoning=row.reasoning,
        finish_reason=FinishReason(row.finish_reason),
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        worker=row.worker,
        attempt=row.attempt,
        answered_at=row.created_at,
        reused_from=row.reused_from,
        parts=row.parts,
    )
