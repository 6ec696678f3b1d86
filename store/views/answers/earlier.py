"""Answers that may be given again, found by their fingerprints."""

from collections.abc import Collection

from sqlalchemy import Connection, select, text

from qwenq.schemas.results import EarlierAnswer, FinishReason
from qwenq.schemas.tables.core import results

_BY_INDEX = text("SET LOCAL enable_seqscan TO off")


def earlier_answers(connection: Connection, fingerprints: Collection[bytes]) -> dict[bytes, EarlierAnswer]:
    """The oldest answer to each of these fingerprints, if there is any. Pass a few hundred at a time."""
    look_up_by_index(connection)
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
    # Sort here: with ORDER BY, PostgreSQL would walk through all answers in that order.
    return {
        bytes(row.fingerprint): EarlierAnswer(
            row.job_id, row.text, row.reasoning, FinishReason(row.finish_reason), row.parts
        )
        for row in sorted(rows, key=lambda row: row.job_id, reverse=True)
    }


def look_up_by_index(connection: Connection) -> None:
    """Have PostgreSQL use the index on fingerprints in this transaction.

    Without statistics, as after the first large job, it expects half of all rows to fit, and would read those.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEX)
