"""The progress of a world: what a run waits for."""

from sqlalchemy import func, select

from qwenq.schemas.errors import BrokerAway
from qwenq.schemas.states import ENDED_JOB_STATES, ChunkState, JobState
from qwenq.schemas.tables.core import chunks, documents, jobs, workers
from qwenq.store.conditions import has_no_outcome
from qwenq.store.database.store import Store
from tests.chaos.engines.log import Deed, read_notes
from tests.chaos.world.world import World
from tests.waiting import eventually


def is_at_work(world: World) -> bool:
    """Whether a document has been generated."""
    return any(note.deed == Deed.ENDED for note in read_notes(world.engine_log))


def holds_chunk(world: World, place: int) -> bool:
    """Whether the worker at this place holds a claim."""
    held = select(chunks.c.id).join(workers, workers.c.id == chunks.c.worker_id)
    running = (chunks.c.state == ChunkState.RUNNING) & (workers.c.pid == world.crew.worker(place).pid)
    with world.store.reading() as connection:
        return connection.execute(held.where(running).limit(1)).first() is not None


def wait_until_quiet(world: World, seconds: float) -> None:
    """Wait until each job has ended, then until no message waits, this long for each. Raises AssertionError."""
    eventually(lambda: have_all_ended(world.store), "all jobs end", seconds)
    eventually(lambda: messages(world) == 0, "all messages are taken", seconds)


def waiting_documents(store: Store, model: str) -> int:
    """Count documents without an outcome in whole jobs of a model."""
    with store.reading() as connection:
        counted: int = connection.execute(
            select(func.count())
            .select_from(documents.join(jobs, jobs.c.id == documents.c.job_id))
            .where(
                jobs.c.model == model,
                jobs.c.state != JobState.VALIDATING,
                has_no_outcome(),
            )
        ).scalar_one()
    return counted


def have_all_ended(store: Store) -> bool:
    """Whether all whole jobs have ended."""
    with store.reading() as connection:
        going_on = select(jobs.c.id).where(jobs.c.state.not_in({*ENDED_JOB_STATES, JobState.VALIDATING}))
        return connection.execute(going_on.limit(1)).first() is None


def messages(world: World) -> int:
    """Count messages that wait for a worker; -1 while the broker is away."""
    try:
        return sum(world.broker.depth(model) for model in world.models)
    except BrokerAway:
        return -1
