"""Why documents of a job failed: by error code, each with a few messages and documents."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select

from qwenq.schemas.tables.core import documents
from qwenq.schemas.views.job_pages import CutText, FailedDocument, FailureGroup, FailureMessage
from qwenq.store.views.jobs.details import job_sources

LOOKED_AT = 50
"""How many documents of each code are read for their messages."""
MOST_LOOKED_AT = 5_000
MESSAGES = 3
DOCUMENTS_OF_MESSAGE = 5
MESSAGE_CHARACTERS = 600

_COUNTS = (
    select(documents.c.error_code, func.count().label("documents"))
    .where(documents.c.job_id == bindparam("of_job"), documents.c.error_code.is_not(None))
    .group_by(documents.c.error_code)
)
_SOME = (
    select(
        documents.c.seq,
        documents.c.custom_id,
        documents.c.source,
        documents.c.line,
        func.substr(documents.c.error_message, 1, MESSAGE_CHARACTERS).label("message"),
        func.length(documents.c.error_message).label("characters"),
    )
    .where(documents.c.job_id == bindparam("of_job"), documents.c.error_code == bindparam("code"))
    .order_by(documents.c.seq)
    .limit(LOOKED_AT)
)


def failure_codes(connection: Connection, job_id: int) -> list[str]:
    """The error codes of a job's failed documents, by name. Each costs one look into the index."""
    of_job = (documents.c.job_id == job_id) & documents.c.error_code.is_not(None)
    query = select(func.min(documents.c.error_code)).where(of_job)
    codes: list[str] = []
    while code := connection.execute(
        query.where(documents.c.error_code > codes[-1]) if codes else query
    ).scalar_one():
        codes.append(code)
    return codes


def may_retry(connection: Connection, job_id: int) -> bool:
    """Whether a failed document can run again: bad rows cannot. Looks at MOST_LOOKED_AT documents of each code."""
    for code in failure_codes(connection, job_id):
        some = (
            select(documents.c.custom_id)
            .where(documents.c.job_id == job_id, documents.c.error_code == code)
            .limit(MOST_LOOKED_AT)
            .subquery()
        )
        failed, good = connection.execute(
            select(func.count(), func.count(some.c.custom_id)).select_from(some)
        ).one()
        if good or failed == MOST_LOOKED_AT:
            return True
    return False


def failure_counts(connection: Connection, job_id: int) -> dict[str, int]:
    """How many documents of a job failed with each error code, most frequent first."""
    rows = connection.execute(_COUNTS, {"of_job": job_id}).all()
    return {
        row.error_code: row.documents
        for row in sorted(rows, key=lambda row: (-row.documents, row.error_code))
    }


def failure_groups(connection: Connection, job_id: int) -> list[FailureGroup]:
    """A job's failed documents by error code, most frequent first."""
    counts = failure_counts(connection, job_id)
    if not counts:
        return []
    sources = job_sources(connection, job_id)
    return [
        FailureGroup(code, failed, _messages(connection, job_id, code, sources))
        for code, failed in counts.items()
    ]


def _messages(
    connection: Connection, job_id: int, code: str, sources: Sequence[str]
) -> tuple[FailureMessage, ...]:
    """Some different messages of a code, most frequent first."""
    found: defaultdict[CutText, list[FailedDocument]] = defaultdict(list)
    rows = connection.execute(_SOME, {"of_job": job_id, "code": code}).all()
    for row in rows:
        document = FailedDocument(row.seq, row.custom_id, sources[row.source], row.line)
        found[CutText(row.message, row.characters)].append(document)
    often_first = sorted(found.items(), key=lambda item: -len(item[1]))
    return tuple(
        FailureMessage(message, tuple(some[:DOCUMENTS_OF_MESSAGE]))
        for message, some in often_first[:MESSAGES]
    )
