"""One Flower and one store of each kind for all tests of a module. Each test makes its own jobs."""

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from qwenq.embedded.redis import start_redis
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from tests.monitors import Browser, running_monitor


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder with a running Redis."""
    home = tmp_path_factory.mktemp("home")
    service = start_redis(Settings(home=home))
    yield home
    service.kill()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def watched(request: pytest.FixtureRequest, home: Path, sqlite_template: Path) -> Settings:
    """Settings with a migrated store, one of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(sqlite_template, home / f'{request.module.__name__}.db')}"
    else:
        url = _postgres_store(request.getfixturevalue("postgres_server"))
    return Settings(home=home, database_url=url)


@pytest.fixture(scope="module")
def watched_store(watched: Settings) -> Iterator[Store]:
    """The store that Flower reads."""
    with Store.of(watched) as store:
        yield store


@pytest.fixture(scope="module")
def flower(watched: Settings, watched_store: Store) -> Iterator[Browser]:
    """A browser at a Flower of that store."""
    with running_monitor(watched) as browser:
        yield browser


@pytest.fixture
def deaf_server() -> Iterator[int]:
    """The port of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _postgres_store(server: str) -> str:
    # A pytest worker may return to a module later; it then needs a new store.
    name = f"watched_{uuid4().hex}"
    engine = create_engine(
        server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE qwenq_template"))
    engine.dispose()
    return re.sub(r"/postgres(?=$|\?)", f"/{name}", server, count=1)
