"""The connection to the SQL store, and its two kinds of transaction."""

import os.path
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from schemas.errors import InvalidSetting, StoreAway, reason_of
from schemas.settings import Settings, without_passwords
from store.transitions import begin_noting, log_transitions

SQLITE_FILE = "qwenq.db"
SQLITE_BUSY_SECONDS = 30.0
IDLE_SECONDS = 3.0
"""How long PostgreSQL lets a transaction that writes wait for its client. One that vanished, or was stopped, would else
keep its rows locked for hours, and what it had claimed would be out of reach."""
_WAL = "PRAGMA journal_mode=WAL"
_SYNCHRONOUS = "qwenq_synchronous"
# A server that vanished without a word is noticed in half a minute. A Unix socket takes them, and needs none.
_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "qwenq",
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_AGAIN = "Try again"
_FREE_SPACE = "Free disk space"
_GRANT = "Give its user the right to read and write there, or correct QWENQ_DATABASE_URL"
_CREDENTIALS = "Correct the user, the password or the database in QWENQ_DATABASE_URL"
_NO_STORE = "Move the file away, or put a copy in its place, or correct QWENQ_DATABASE_URL or QWENQ_HOME"
# What to do, by a part of the message: SQLite's, and those of PostgreSQL that come before it tells a SQLSTATE.
_REMEDY_OF_MESSAGE = {
    "is locked": "Another program holds the lock: end it, or try again",
    "disk is full": _FREE_SPACE,
    "disk i/o error": "See whether the disk is full, broken, or one of the network that SQLite cannot use",
    "readonly database": _GRANT,
    "unable to open database file": "See whether its folder is there and can be written, and the disk has space",
    "is not a database": _NO_STORE,
    "malformed": _NO_STORE,
    "authentication failed": _CREDENTIALS,
    "no password supplied": _CREDENTIALS,
    "no pg_hba.conf entry": _CREDENTIALS,
    "does not exist": _CREDENTIALS,
    "too many connections": "Raise max_connections of the server, or run fewer processes",
}
# What to do, by PostgreSQL's SQLSTATE or the class that it begins with.
_REMEDY_OF_SQLSTATE = {
    "25P03": _AGAIN,
    "25006": "It is read-only, a replica perhaps: correct QWENQ_DATABASE_URL",
    "28": _CREDENTIALS,
    "3D000": _CREDENTIALS,
    "40": _AGAIN,
    "42501": _GRANT,
    "53100": _FREE_SPACE,
    "53300": "Raise max_connections of the server, or run fewer processes",
    "55P03": _AGAIN,
    "57014": "See what its server is busy with, and try again",
}
# A reader of several statements sees one moment. On SQLite every transaction does.
_ONE_SNAPSHOT: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ"},
    "sqlite": {},
}


def database_url(settings: Settings) -> str:
    """The store's address: as set, else SQLite in the home folder."""
    if settings.database_url is not None:
        return settings.database_url
    path = str((settings.home / SQLITE_FILE).absolute())
    return URL.create("sqlite", database=path).render_as_string()


def sqlite_file(settings: Settings) -> Path | None:
    """The file of the store; None for PostgreSQL, and for what is no address. Opens nothing."""
    try:
        url = make_url(database_url(settings))
    except (exc.ArgumentError, ValueError):
        return None
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database).absolute()


def make_home(home: Path) -> None:
    """Make a home folder, and what is missing above it, for its owner alone: documents lie there.

    Raises InvalidSetting.
    """
    try:
        for folder in (*reversed(home.absolute().parents), home):
            if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where a folder is closed
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = f"{home} cannot be made: {reason_of(error)}"
        raise InvalidSetting(name="QWENQ_HOME", reason=reason) from None


class Store:
    """One store. Threads may share it; processes may not.

    PostgreSQL gives up a statement of a reader after `statement_seconds`; None: never.
    """

    def __init__(self, url: str | URL, statement_seconds: float | None = None) -> None:
        self._statement_seconds = statement_seconds
        self.engine = _make_engine(url)
        self.url = _shown(self.engine.url)
        self._readers = self.engine.execution_options(qwenq_begin="BEGIN", **_ONE_SNAPSHOT[self.dialect])
        self._writers = self.engine.execution_options(qwenq_begin="BEGIN IMMEDIATE")
        self._one_writer = threading.Lock()
        self._fleeting = self.engine.execution_options(
            qwenq_begin="BEGIN IMMEDIATE", **{_SYNCHRONOUS: "NORMAL"}
        )

    @classmethod
    def of(cls, settings: Settings, statement_seconds: float | None = None) -> "Store":
        """Open the store that the settings name; the embedded one's folder is made when missing."""
        if settings.database_url is None:
            make_home(settings.home)
        return cls(database_url(settings), statement_seconds)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot to read from. Raises StoreAway."""
        with self._transaction(self._readers) as connection:
            if self._statement_seconds is not None and self.dialect == "postgresql":
                milliseconds = round(self._statement_seconds * 1_000)
                connection.exec_driver_sql(f"SET LOCAL statement_timeout TO {milliseconds}")
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

    @contextmanager
    def fleeting(self) -> Iterator[Connection]:
        """Like `writing`, for what concerns running processes only: a power cut ends them, and may undo it.

        SQLite, whose processes share one machine, does not wait for the disk; PostgreSQL does. Raises StoreAway.
        """
        with self._transaction(self._fleeting) as connection:
            yield connection

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with self._turn_of(engine), engine.begin() as connection:
                noted = begin_noting(connection)
                if self.dialect == "postgresql" and engine is not self._readers:
                    milliseconds = round(IDLE_SECONDS * 1_000)
                    connection.exec_driver_sql(
                        f"SET LOCAL idle_in_transaction_session_timeout TO {milliseconds}"
                    )
                yield connection
        except exc.DBAPIError as raised:
            error = _first(raised)
            _leave_values_out(error)
            away = _away(self.url, error)
            if away is None:
                raise
            raise away from error
        log_transitions(noted)

    @contextmanager
    def _turn_of(self, engine: Engine) -> Iterator[None]:
        """Let the threads that write to this store take turns, where it is SQLite.

        SQLite has one writer at a time, too, but who waits for it looks every few milliseconds, and longer each time.
        """
        if self.dialect != "sqlite" or engine is self._readers:
            yield
            return
        if not self._one_writer.acquire(timeout=SQLITE_BUSY_SECONDS):
            raise StoreAway(
                url=self.url, reason="another thread of this process keeps it locked", remedy=_AGAIN
            )
        try:
            yield
        finally:
            self._one_writer.release()


def _shown(url: URL) -> str:
    """A store's address for people."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    return without_passwords(url.render_as_string(hide_password=True))


def _first(error: exc.DBAPIError) -> exc.DBAPIError:
    """The error that came first: a full disk has SQLite roll all back, and the savepoint is missed on top of it."""
    before: BaseException | None = error.orig if "no such savepoint" in str(error.orig) else None
    while before is not None and not isinstance(before, exc.DBAPIError):
        before = before.__context__
    return before or error


def _leave_values_out(error: exc.DBAPIError) -> None:
    """Shorten PostgreSQL's message to its first part: the others quote the row, and a log shows them."""
    primary = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    if error.orig is not None and primary:
        error.orig.args = (primary,)
        error.args = (f"({type(error.orig).__name__}) {primary}",)


def _away(url: str, error: exc.DBAPIError) -> StoreAway | None:
    """What a person can mend about the store; None for a fault of the program."""
    if isinstance(error, (exc.IntegrityError, exc.DataError)):
        return None
    reason = str(error.orig).strip().partition("\n")[0].rstrip(".")
    remedy = _remedy(getattr(error.orig, "sqlstate", None), reason)
    if remedy is not None:
        return StoreAway(url=url, reason=reason, remedy=remedy)
    if isinstance(error, (exc.OperationalError, exc.InterfaceError)):
        return StoreAway(url=url, reason=reason)
    return None


def _remedy(sqlstate: str | None, reason: str) -> str | None:
    if sqlstate is not None:
        return _REMEDY_OF_SQLSTATE.get(sqlstate) or _REMEDY_OF_SQLSTATE.get(sqlstate[:2])
    said = reason.lower()
    return next((remedy for part, remedy in _REMEDY_OF_MESSAGE.items() if part in said), None)


def _make_engine(url: str | URL) -> Engine:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise InvalidSetting(name="QWENQ_DATABASE_URL", reason="it is not a database URL") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _make_sqlite_engine(parsed)
    if backend == "postgresql":
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            # Documents are parameters, and errors are logged.
            hide_parameters=True,
            connect_args={
                name: value for name, value in _POSTGRES_OPTIONS.items() if name not in parsed.query
            },
        )
    raise InvalidSetting(
        name="QWENQ_DATABASE_URL", reason=f"{backend} is not supported; use sqlite or postgresql"
    )


def _make_sqlite_engine(url: URL) -> Engine:
    path = url.database
    if not path or path == ":memory:":
        raise InvalidSetting(
            name="QWENQ_DATABASE_URL", reason="SQLite in memory cannot be shared; name a file"
        )
    if not os.path.isdir(Path(path).parent):  # noqa: PTH112 - Path.is_dir raises where a folder is closed
        raise InvalidSetting(
            name="QWENQ_DATABASE_URL", reason=f"the folder {Path(path).parent} does not exist"
        )
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": SQLITE_BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # SQLAlchemy's begin event below says BEGIN; the driver must not say it too.
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A write lock taken at once waits its turn; one taken half way fails with "database is locked".
        options = connection.get_execution_options()
        synchronous = options.get(_SYNCHRONOUS, "FULL")
        if connection.info.get(_SYNCHRONOUS) != synchronous:
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
            connection.info[_SYNCHRONOUS] = synchronous
        connection.exec_driver_sql(options.get("qwenq_begin", "BEGIN IMMEDIATE"))

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. A new file must be had alone for that, which SQLite itself does not wait for."""
    try:
        connection.execute(_WAL)
    except sqlite3.OperationalError as error:
        if not _is_locked(error):
            raise
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

        stop, wait = stop_after_delay(SQLITE_BUSY_SECONDS), wait_random(0.01, 0.1)
        Retrying(retry=retry_if_exception(_is_locked), stop=stop, wait=wait, reraise=True)(
            connection.execute, _WAL
        )


def _is_locked(error: BaseException) -> bool:
    return "locked" in str(error)
