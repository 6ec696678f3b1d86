"""Answers that may be given once more, found by what decided them."""

from collections.abc import Collection

from sqlalchemy import Connection, select, tuple_, update

from qwenq.schemas.tables.core import results
from qwenq.store.views.answers.earlier import look_up_by_index


def hand_over(connection: Connection, job_id: int, fingerprints: Collection[bytes]) -> None:
    """Let these fingerprints lead to a job's answers alone, which were just written, and to no earlier ones."""
    if not fingerprints:
        return
    look_up_by_index(connection)
    earlier = (
        select(results.c.job_id, results.c.seq)
        .where(results.c.fingerprint.in_(fingerprints), results.c.job_id != job_id)
        # What another job takes over at this moment leads to two answers for a while, which are the same.
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        update(results).where(tuple_(results.c.job_id, results.c.seq).in_(earlier)).values(fingerprint=None)
    )
