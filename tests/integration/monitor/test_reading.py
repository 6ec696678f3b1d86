"""Reading a store that hangs: pages fail soon, and buttons still work."""

import asyncio
import threading

import pytest
from sqlalchemy import Connection, select, text

from qwenq.monitor import reading
from qwenq.monitor.reading import THREADS, StoreReader
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store


def one(connection: Connection) -> int:
    found: int = connection.execute(select(1)).scalar_one()
    return found


@pytest.fixture
def reader(store: Store) -> StoreReader:
    return StoreReader(Settings(database_url=store.engine.url.render_as_string(hide_password=False)))


def test_a_slow_postgresql_statement_is_cancelled_and_later_requests_fail_at_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STATEMENT_SECONDS", 1.0)
    monkeypatch.setattr(reading, "TRY_AGAIN_SECONDS", 60.0)
    reader = StoreReader(Settings(database_url=postgres_url))
    with pytest.raises(StoreAway, match="statement timeout"):
        asyncio.run(reader.read(lambda connection: connection.execute(text("SELECT pg_sleep(60)"))))
    with pytest.raises(StoreAway, match="statement timeout"):
        asyncio.run(reader.read(one))
    monkeypatch.setattr(reading, "TRY_AGAIN_SECONDS", 0.0)
    assert asyncio.run(reader.read(one)) == 1
    reader.close()


def test_a_hanging_store_is_reported_and_does_not_block_actions(
    reader: StoreReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(reading, "TRY_AGAIN_SECONDS", 600.0)
    woken = threading.Event()

    async def ask() -> str:
        hanging = [reader.read(lambda _: woken.wait(60)) for _ in range(THREADS)]
        answers = await asyncio.gather(*hanging, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreAway] * THREADS
        monkeypatch.setattr(reading, "ANSWER_SECONDS", 600.0)
        with pytest.raises(StoreAway, match="did not respond"):
            await asyncio.wait_for(reader.read(one), 20)
        try:
            return await asyncio.wait_for(reader.act(lambda: "done"), 20)
        finally:
            woken.set()
            free = threading.Barrier(THREADS)
            await asyncio.gather(*(reader.apart(lambda: free.wait(20)) for _ in range(THREADS)))

    assert asyncio.run(ask()) == "done"
    reader.close()
