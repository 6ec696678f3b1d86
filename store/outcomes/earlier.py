"""Answers that may be given once more, found by what decided them."""

from collections.abc import Collection

from sqlalchemy import Connection, select, text, tuple_, update

from qwenq.schemas.results import EarlierAnswer, FinishReason
from qwenq.schemas.tables.core import results

_BY_INDEX = text("SET LOCAL enable_seqscan TO off")


def earlier_answers(connection: Connection, fingerprints: Collection[bytes]) -> dict[bytes, EarlierAnswer]:
    """The oldest answer to each of these fingerprints, where there is one; a few hundred at once."""
    if connection.dialect.name == "postgresql":
        # Without statistics, as after the first large job, it takes them for half of all rows, and would read those.
        connection.execute(_BY_INDEX)
    rows = connection.execute(
        select(
            results.c.fingerprint,
            results.c.job_id,
            results.c.text,
            results.c.reasoning,
            results.c.finish_reason,
            results.c.parts,
        ).where(results.c.fingerprint.in_(fingerprints))
    )
    # Sorted here: PostgreSQL would walk through all answers in that order instead.
    return {
        bytes(row.fingerprint): EarlierAnswer(
            row.job_id, row.text, row.reasoning, FinishReason(row.finish_reason), row.parts
        )
        for row in sorted(rows, key=lambda row: row.job_id, reverse=True)
    }


def hand_over(connection: Connection, job_id: int, fingerprints: Collection[bytes]) -> None:
    """Let these fingerprints lead to a job's answers alone, which were just written, and to no earlier ones."""
    if not fingerprints:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEX)
    earlier = (
        select(results.c.job_id, results.c.seq)
        .where(results.c.fingerprint.in_(fingerprints), results.c.job_id != job_id)
        # What another job takes over at this moment leads to two answers for a while, which are the same.
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        update(results).where(tuple_(results.c.job_id, results.c.seq).in_(earlier)).values(fingerprint=None)
    )
