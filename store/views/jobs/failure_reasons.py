"""The commonest reasons why documents of a job failed, with exact counts and an example each."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from qwenq.schemas.tables.core import documents
from qwenq.schemas.views.job_pages import FailedDocument, FailureReason, FailureReasons
from qwenq.store.views.jobs.details import job_sources
from qwenq.store.views.jobs.failure_groups import failure_counts

MESSAGE_CHARACTERS = 300
MOST_MESSAGES = 1_000
"""How many different messages are compared; documents with other messages count as `others`."""

_MESSAGES = (
    select(
        documents.c.error_code.label("code"),
        func.substr(documents.c.error_message, 1, MESSAGE_CHARACTERS).label("message"),
        func.count().label("documents"),
        func.min(documents.c.seq).label("first"),
    )
    .where(documents.c.job_id == bindparam("of_job"), documents.c.error_code.is_not(None))
    .group_by("code", "message")
    .order_by(func.count().desc(), func.min(documents.c.seq))
    .limit(MOST_MESSAGES)
)
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9][0-9.,]*")
"""What differs between messages of one reason: what they quote, and numbers."""


@dataclass(slots=True)
class _Reason:
    code: str
    message: str
    documents: int
    first: int


def failure_reasons(connection: Connection, job_id: int, most: int) -> FailureReasons:
    """At most `most` reasons, most frequent first. Messages that differ in numbers or quotes are one reason."""
    found: dict[tuple[str, str], _Reason] = {}
    for row in connection.execute(_MESSAGES, {"of_job": job_id}):
        key = (row.code, _VARYING.sub("…", row.message))
        reason = found.setdefault(key, _Reason(row.code, row.message, 0, row.first))
        reason.documents += row.documents
        if row.first < reason.first:
            reason.first, reason.message = row.first, row.message
    if not found:
        return FailureReasons((), 0, {})
    shown = sorted(found.values(), key=lambda reason: (-reason.documents, reason.first))[:most]
    codes = failure_counts(connection, job_id)
    examples = _documents(connection, job_id, [reason.first for reason in shown])
    reasons = tuple(
        FailureReason(reason.code, reason.message, reason.documents, examples[reason.first])
        for reason in shown
    )
    return FailureReasons(reasons, sum(codes.values()) - sum(reason.documents for reason in shown), codes)


def _documents(connection: Connection, job_id: int, seqs: Sequence[int]) -> dict[int, FailedDocument]:
    sources = job_sources(connection, job_id)
    rows = connection.execute(
        select(documents.c.seq, documents.c.custom_id, documents.c.source, documents.c.line).where(
            documents.c.job_id == job_id, documents.c.seq.in_(seqs)
        )
    )
    return {row.seq: FailedDocument(row.seq, row.custom_id, sources[row.source], row.line) for row in rows}
