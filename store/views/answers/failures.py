"""Failures that were retried: those of some documents, or of a whole job."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, tuple_

from qwenq.schemas.results import Failure, HistoryLine, PastFailure
from qwenq.schemas.tables.core import documents, failures
from qwenq.store.views.jobs.details import job_sources

PAGE_ROWS = 2_000


def located(message: str, source: int, sources: Sequence[str]) -> str:
    """The message, with the name of the file in front when the job has several."""
    return f"{sources[source]}: {message}" if len(sources) > 1 else message


def past_failures(
    connection: Connection, job_id: int, seqs: Collection[int]
) -> Mapping[int, tuple[PastFailure, ...]]:
    """How these documents failed in earlier rounds, oldest first; only documents with earlier failures."""
    rows = connection.execute(
        select(failures)
        .where(failures.c.job_id == job_id, failures.c.seq.in_(seqs))
        .order_by(failures.c.seq, failures.c.round)
    )
    found: dict[int, tuple[PastFailure, ...]] = {}
    for row in rows:
        past = PastFailure(round=row.round, error=Failure(row.code, row.message), failed_at=row.failed_at)
        found[row.seq] = (*found.get(row.seq, ()), past)
    return found


def history_of(connection: Connection, job_id: int) -> Iterator[HistoryLine]:
    """Each retried failure of a job, by input order and round, with a page of rows in memory at a time.

    With several input files, the message begins with the name of the file that `line` counts in.
    """
    sources = job_sources(connection, job_id)
    place = tuple_(failures.c.seq, failures.c.round)
    page = (
        select(failures, documents.c.custom_id, documents.c.source, documents.c.line)
        .join_from(
            failures,
            documents,
            (documents.c.job_id == failures.c.job_id) & (documents.c.seq == failures.c.seq),
        )
        .where(failures.c.job_id == job_id, place > tuple_(bindparam("seq"), bindparam("round")))
        .order_by(failures.c.seq, failures.c.round)
        .limit(PAGE_ROWS)
    )
    after = {"seq": -1, "round": 0}
    while rows := connection.execute(page, after).all():
        for row in rows:
            yield HistoryLine(
                custom_id=row.custom_id,
                line=row.line,
                round=row.round,
                error=Failure(row.code, located(row.message, row.source, sources)),
                failed_at=row.failed_at,
            )
        after = {"seq": rows[-1].seq, "round": rows[-1].round}
