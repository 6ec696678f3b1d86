"""The connection to the SQL store, and its two kinds of transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url

from schemas.errors import InvalidSetting, StoreAway
from schemas.settings import Settings

SQLITE_FILE = "qwenq.db"
SQLITE_BUSY_SECONDS = 60.0
# A reader of several statements sees one moment. On SQLite every transaction does.
_ONE_SNAPSHOT: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ"},
    "sqlite": {},
}


def database_url(settings: Settings) -> str:
    """The store's address: as set, else SQLite in the home folder."""
    return settings.database_url or f"sqlite:///{(settings.home / SQLITE_FILE).absolute()}"


class Store:
    """One store. Threads may share it; processes may not."""

    def __init__(self, url: str) -> None:
        self.engine = _make_engine(url)
        self.url = self.engine.url.render_as_string(hide_password=True)
        self._readers = self.engine.execution_options(qwenq_begin="BEGIN", **_ONE_SNAPSHOT[self.dialect])
        self._writers = self.engine.execution_options(qwenq_begin="BEGIN IMMEDIATE")

    @classmethod
    def of(cls, settings: Settings) -> "Store":
        """Open the store that the settings name; the embedded one's folder is made when missing."""
        if settings.database_url is None:
            settings.home.mkdir(parents=True, exist_ok=True)
        return cls(database_url(settings))

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot to read from. Raises StoreAway."""
        with self._transaction(self._readers) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at its end, rolled back on an exception. Raises StoreAway."""
        with self._transaction(self._writers) as connection:
            yield connection

    @contextmanager
    def staging(self) -> Iterator[Connection]:
        """Like `writing`, for rows that mean nothing until a later transaction says so; PostgreSQL is quicker.

        They are on the disk, at the latest, when what the next `writing` wrote is. Raises StoreAway.
        """
        with self.writing() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            yield connection

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except (exc.OperationalError, exc.InterfaceError) as error:
            reason = str(error.orig).strip().partition("\n")[0]
            raise StoreAway(url=self.url, reason=reason) from error


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise InvalidSetting(name="QWENQ_DATABASE_URL", reason="it is not a database URL") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _make_sqlite_engine(url, parsed.database)
    if backend == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args={"connect_timeout": 10, "application_name": "qwenq"},
        )
    raise InvalidSetting(
        name="QWENQ_DATABASE_URL", reason=f"{backend} is not supported; use sqlite or postgresql"
    )


def _make_sqlite_engine(url: str, path: str | None) -> Engine:
    if not path or path == ":memory:":
        raise InvalidSetting(
            name="QWENQ_DATABASE_URL", reason="SQLite in memory cannot be shared; name a file"
        )
    if not Path(path).parent.is_dir():
        raise InvalidSetting(
            name="QWENQ_DATABASE_URL", reason=f"the folder {Path(path).parent} does not exist"
        )
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # SQLAlchemy's begin event below says BEGIN; the driver must not say it too.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A write lock taken at once waits its turn; one taken half way fails with "database is locked".
        begin = connection.get_execution_options().get("qwenq_begin", "BEGIN IMMEDIATE")
        connection.exec_driver_sql(begin)

    return engine
