"""Metrics of generated batches, in the order of their commits."""

from sqlalchemy import Connection, select

from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.tables.core import batches
from qwenq.schemas.views.gauges import MeasuredBatch
from qwenq.store.database.clock import now

SETTLED_SECONDS = 15.0
"""After this time, every transaction that had numbered its batch is over: PostgreSQL ends those that wait for their
client longer than IDLE_SECONDS."""


MOST_BATCHES = 2_000


_BATCHES = select(
    batches.c.id,
    batches.c.model,
    batches.c.rows,
    batches.c.prompt_tokens,
    batches.c.padded_tokens,
    batches.c.prefix_tokens,
    batches.c.new_tokens,
    batches.c.seconds,
    batches.c.together,
    batches.c.answer_seconds,
)


def newest_readable(connection: Connection) -> int:
    """The newest batch before which no further one can appear; 0 when there is no batch."""
    newest: int | None = connection.execute(
        select(batches.c.id)
        .where(batches.c.finished_at <= now(-SETTLED_SECONDS))
        .order_by(batches.c.id.desc())
        .limit(1)
    ).scalar()
    return newest or 0


def batches_after(connection: Connection, after: int, up_to: int) -> list[MeasuredBatch]:
    """The batches with ids above `after`, oldest first, at most MOST_BATCHES."""
    rows = connection.execute(
        _BATCHES.where(batches.c.id > after, batches.c.id <= up_to).order_by(batches.c.id).limit(MOST_BATCHES)
    )
    # An older worker beside an upgraded store reports no seconds of answers.
    return [
        MeasuredBatch(**{**row._mapping, "answer_seconds": AnswerSeconds(**(row.answer_seconds or {}))})  # noqa: SLF001
        for row in rows
    ]
