"""Which job a worker claims from next: the order of the messages, read from the store itself."""

from dataclasses import dataclass

from sqlalchemy import Connection, Text, bindparam, case, exists, select

from qwenq.schemas.chunks import CRASHES_IN_COMPANY
from qwenq.schemas.jobs import Priority
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.store.conditions import chunk_is_queued, job_is_claimable, may_answer
from qwenq.store.views.fleet.workers import ALIVE_SECONDS

_RANKS = {priority: rank for rank, priority in enumerate(Priority)}
_waits = (chunks.c.job_id == jobs.c.id) & chunk_is_queued()
_NEXT_JOB = (
    select(
        jobs.c.id,
        select(chunks.c.crashes).where(_waits).order_by(chunks.c.first_seq).limit(1).scalar_subquery(),
    )
    .where(
        jobs.c.model == bindparam("of_model"),
        job_is_claimable(),
        may_answer(bindparam("own_revision", type_=Text), bindparam("own_digest", type_=Text), ALIVE_SECONDS),
        exists().where(_waits, chunks.c.crashes <= bindparam("most_crashes")),
    )
    .order_by(jobs.c.urgent.desc(), case(_RANKS, value=jobs.c.priority), jobs.c.id)
    .limit(1)
)
_NEXT_URGENT_JOB = _NEXT_JOB.where(jobs.c.urgent)


@dataclass(frozen=True, slots=True)
class NextJob:
    """A job with a waiting chunk; `crashes` are those of the first such chunk."""

    job_id: int
    crashes: int

    @property
    def begins_with_suspect(self) -> bool:
        """Whether its next chunk must be answered alone."""
        return self.crashes > CRASHES_IN_COMPANY


def next_job(
    connection: Connection,
    model: str,
    most_crashes: int,
    weights: LoadedWeights = UNKNOWN_WEIGHTS,
    *,
    urgent_only: bool = False,
) -> NextJob | None:
    """The model's first job with a waiting chunk of at most this many crashes: urgent ones, then by priority and age.

    Jobs that other weights began are left to live workers with those.
    """
    given = {
        "of_model": model,
        "most_crashes": most_crashes,
        "own_revision": weights.revision,
        "own_digest": weights.digest,
    }
    query = _NEXT_URGENT_JOB if urgent_only else _NEXT_JOB
    row = connection.execute(query, given).one_or_none()
    return None if row is None else NextJob(*row)
