"""Fingerprints, by which earlier answers are found."""

from collections.abc import Collection

from sqlalchemy import Connection, select, tuple_, update

from qwenq.schemas.tables.core import results
from qwenq.store.views.answers.earlier import look_up_by_index


def hand_over(connection: Connection, job_id: int, fingerprints: Collection[bytes]) -> None:
    """Clear these fingerprints of all other jobs' answers: this job's new ones replace them."""
    if not fingerprints:
        return
    look_up_by_index(connection)
    earlier = (
        select(results.c.job_id, results.c.seq)
        .where(results.c.fingerprint.in_(fingerprints), results.c.job_id != job_id)
        # Skip rows that another job hands over now: two equal answers then share a fingerprint for a while.
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        update(results).where(tuple_(results.c.job_id, results.c.seq).in_(earlier)).values(fingerprint=None)
    )
