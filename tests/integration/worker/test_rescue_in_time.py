"""A worker's parent process looks for expired leases far more often than it reconciles."""

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.worker.engines.factory import try_engine
from qwenq.worker.parent.housekeeping import LONGEST_TICK_SECONDS, Housekeeping
from tests.builders import EXPIRED, chunks_of, claim_one, make_job, make_worker
from tests.waiting import eventually

WITHIN = 30 * LONGEST_TICK_SECONDS  # long enough for a busy machine, and far less than half a lease


def test_an_expired_claim_is_rescued_in_seconds_not_in_half_a_lease(
    store: Store, broker: Broker, settings: Settings
) -> None:
    slow = settings.model_copy(update={"lease_seconds": 600.0})
    seen, lost = (make_job(store, documents=4) for _ in range(2))
    worker_id = make_worker(store)
    claim_one(store, chunks_of(store, seen)[0], worker_id, EXPIRED)
    with Housekeeping(store, broker, slow, worker_id, try_engine):
        eventually(lambda: chunks_of(store, seen, ChunkState.QUEUED), "it reconciles as it starts")
        claim_one(store, chunks_of(store, lost)[0], worker_id, EXPIRED)
        eventually(
            lambda: chunks_of(store, lost, ChunkState.QUEUED), "the expired claim's chunk waits again", WITHIN
        )
