"""A job's chunks page by page in input order, with worker and attempts; and the job's details."""

from qwenq.schemas.jobs import Priority
from qwenq.schemas.states import ChunkState
from qwenq.schemas.views.job_pages import ChunkPage
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.chunk_pages import chunk_page
from qwenq.store.views.jobs.details import job_details
from tests.builders import LEASE, chunks_of, claim_one, finish, make_job, make_worker


def test_chunks_come_in_input_order_a_page_at_a_time(store: Store) -> None:
    job_id = make_job(store, documents=12)
    page = _page(store, job_id, after=-1)
    assert [(chunk.first_seq, chunk.last_seq) for chunk in page.chunks] == [(0, 3), (4, 7)]
    assert page.next_after == 4
    rest = _page(store, job_id, after=4)
    assert ([chunk.first_seq for chunk in rest.chunks], rest.next_after) == ([8], None)


def test_a_chunk_line_shows_worker_attempts_and_lease(store: Store) -> None:
    job_id = make_job(store, documents=12)
    worker_id = make_worker(store, name="w7@there")
    done, running, waiting = chunks_of(store, job_id)
    finish(store, claim_one(store, done, worker_id))
    claim_one(store, running, worker_id)
    first, second = _page(store, job_id, after=-1).chunks
    assert (first.id, first.state, first.worker, first.attempt) == (done, ChunkState.DONE, "w7@there", 1)
    assert (first.succeeded, first.lease_seconds) == (4, None)
    assert first.finished_at is not None
    assert (second.id, second.state, second.worker) == (running, ChunkState.RUNNING, "w7@there")
    assert second.lease_seconds is not None
    assert LEASE - 60 < second.lease_seconds <= LEASE
    (third,) = _page(store, job_id, after=4).chunks
    assert (third.id, third.worker, third.attempt) == (waiting, None, 0)


def test_chunks_can_be_filtered_by_state(store: Store) -> None:
    job_id = make_job(store, documents=12)
    claim_one(store, chunks_of(store, job_id)[1], make_worker(store))
    assert [chunk.first_seq for chunk in _page(store, job_id, -1, ChunkState.RUNNING).chunks] == [4]
    assert [chunk.first_seq for chunk in _page(store, job_id, -1, ChunkState.QUEUED).chunks] == [0, 8]


def test_job_details_show_what_the_job_asks_for(store: Store) -> None:
    job_id = make_job(store, priority=Priority.HIGH)
    with store.reading() as connection:
        details = job_details(connection, job_id)
        assert job_details(connection, 4711) is None
    assert details is not None
    assert (details.priority, details.sources, details.reuse) == (Priority.HIGH, ("in.jsonl",), False)
    assert details.prompt.text_column == "text"


def _page(store: Store, job_id: int, after: int, state: ChunkState | None = None) -> ChunkPage:
    with store.reading() as connection:
        return chunk_page(connection, job_id, after, 2, state)
