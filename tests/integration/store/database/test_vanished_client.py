"""A client that vanishes in the middle of a transaction does not keep its chunk from being rescued."""

import pytest

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.states import ChunkState
from qwenq.store.database import store as database
from qwenq.store.database.store import Store
from qwenq.store.life import rescue
from qwenq.store.life.claims import hold_fence
from tests.builders import EXPIRED, chunks_of, claim_one, make_job, make_worker
from tests.waiting import eventually


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_chunk_is_rescued_though_its_worker_vanished_while_it_wrote(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "IDLE_SECONDS", 2.0)
    job_id = make_job(store, documents=4)
    (chunk_id,) = chunks_of(store, job_id)
    claim = claim_one(store, chunk_id, make_worker(store), EXPIRED)

    def is_rescued() -> bool:
        with store.writing() as connection:
            rescue.rescue_expired(connection, max_crashes=2)
        return chunks_of(store, job_id, ChunkState.QUEUED) == [chunk_id]

    with (
        Store(database_url) as its_store,
        pytest.raises(StoreAway, match="Try again"),
        its_store.writing() as vanished,
    ):
        hold_fence(vanished, claim, None)
        assert not is_rescued()
        eventually(is_rescued, "the chunk waits again")
        hold_fence(vanished, claim, None)
