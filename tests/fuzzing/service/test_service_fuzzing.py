"""A small share of `make fuzz-service`."""

import asyncio
from pathlib import Path

from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from tests.fuzzing.service.fuzzed import FuzzedService
from tests.fuzzing.service.lines import check_drawn_file
from tests.fuzzing.service.sockets import BROKEN, check_broken, listening


def test_drawn_calls_are_answered_and_store_what_was_accepted(store: Store, settings: Settings) -> None:
    fuzzed = FuzzedService(settings, store, seed=7)
    asyncio.run(fuzzed.feed(300))
    assert fuzzed.figures.wrong == []
    assert fuzzed.figures.statuses[200] > 20


def test_drawn_files_are_validated_whole() -> None:
    assert 20 < sum(check_drawn_file(seed) for seed in range(300)) < 280


def test_broken_http_is_refused_and_others_are_served(sqlite_url: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=sqlite_url)
    with Store(sqlite_url) as store, listening(FuzzedService(settings, store, 1).application) as port:
        for data in BROKEN:
            check_broken(port, data)
