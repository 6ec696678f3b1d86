"""The connection to the SQL store, and its kinds of transaction."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, exc, make_url

from qwenq.schemas.errors import InvalidSetting, StoreAway, UnstorableText, reason_of
from qwenq.schemas.log.addresses import without_passwords
from qwenq.schemas.settings import Settings
from qwenq.store.database.engines import BEGIN, SQLITE_BUSY_SECONDS, SYNCHRONOUS, make_engine, parsed_url
from qwenq.store.database.errors import AGAIN, away, first_of, leave_values_out
from qwenq.store.database.transitions import begin_noting, log_transitions

SQLITE_FILE = "qwenq.db"
IDLE_SECONDS = 3.0
"""How long PostgreSQL lets a writing transaction wait for its client. Otherwise a client that vanished would keep its
rows locked for hours, and nobody could claim them."""

SHRINK_SECONDS = 0.5
"""How long emptying SQLite's log waits for readers."""


def database_url(settings: Settings) -> str:
    """The store's address: the setting, else SQLite in the home folder."""
    if settings.database_url is not None:
        return settings.database_url
    path = str((settings.home / SQLITE_FILE).absolute())
    return URL.create("sqlite", database=path).render_as_string()


def shown_address(settings: Settings) -> str:
    """The store's address without its password, to be shown to people. Raises InvalidSetting."""
    return _shown(parsed_url(database_url(settings)))


def sqlite_file(settings: Settings) -> Path | None:
    """The store's file; None for PostgreSQL or an invalid address. Opens nothing."""
    try:
        url = make_url(database_url(settings))
    except (exc.ArgumentError, ValueError):
        return None
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database).absolute()


def make_home(home: Path) -> None:
    """Make a home folder and its missing parents, readable by the owner only: it holds documents.

    Raises InvalidSetting.
    """
    try:
        for folder in (*reversed(home.absolute().parents), home):
            if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where a folder is closed
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = f"{home} cannot be made: {reason_of(error)}"
        raise InvalidSetting(name="QWENQ_HOME", reason=reason) from None


def _make_private(file: Path) -> None:
    """Make an empty file that only this user can read, if it is missing. SQLite's other files take its mode."""
    with suppress(OSError):  # SQLite says why it cannot open it
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, mode=0o600))


class Store:
    """One store; as a context manager, it closes its connections at the end. Threads may share it, processes may not.

    PostgreSQL cancels a reader's statement after `statement_seconds`; None: never.
    """

    def __init__(self, url: str | URL, statement_seconds: float | None = None) -> None:
        self._statement_seconds = statement_seconds
        self.engine = make_engine(url)
        self.url = _shown(self.engine.url)
        begin_to_read, begin_to_write = self._beginnings()
        self._readers = self.engine.execution_options(**{BEGIN: begin_to_read})
        # On SQLite, statements outside of a transaction would read the file's header again and again.
        begin_to_ask = begin_to_read if self.dialect == "sqlite" else ""
        self._askers = self.engine.execution_options(**{BEGIN: begin_to_ask})
        self._writers = self.engine.execution_options(**{BEGIN: begin_to_write})
        self._one_writer = threading.Lock()
        self._fleeting = self.engine.execution_options(**{BEGIN: begin_to_write, SYNCHRONOUS: "NORMAL"})

    @classmethod
    def of(cls, settings: Settings, statement_seconds: float | None = None) -> Self:
        """Open the store that the settings name; make the folder of the embedded one if missing."""
        if settings.database_url is None:
            make_home(settings.home)
            _make_private(settings.home / SQLITE_FILE)
        return cls(database_url(settings), statement_seconds)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read from one snapshot. Raises StoreAway."""
        with self._transaction(self._readers) as connection:
            yield connection

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """Read by single statements, each of which sees what is committed then. Quicker on PostgreSQL.

        Raises StoreAway.
        """
        with self._transaction(self._askers) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction: commit at the end, roll back on an exception. Raises StoreAway."""
        with self._transaction(self._writers) as connection:
            yield connection

    @contextmanager
    def staging(self) -> Iterator[Connection]:
        """Like `writing`, for rows that count only once a later transaction says so; quicker on PostgreSQL.

        They reach the disk no later than the next `writing` does. Raises StoreAway.
        """
        with self.writing() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
            yield connection

    @contextmanager
    def fleeting(self) -> Iterator[Connection]:
        """Like `writing`, for facts about running processes: a power cut may undo it, but also ends them.

        SQLite does not wait for the disk here, since all its processes run on one machine; PostgreSQL does.
        Raises StoreAway.
        """
        with self._transaction(self._fleeting) as connection:
            yield connection

    def shrink_log(self) -> bool:
        """Empty SQLite's write-ahead log, and give its disk back. False: another process reads it.

        A transaction that failed for want of disk leaves a long one, and what was removed stands in it until then.
        """
        if self.dialect != "sqlite":
            return True
        with suppress(sqlite3.Error), closing(self.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            # Writers wait while it waits for readers.
            cursor.execute(f"PRAGMA busy_timeout={round(SHRINK_SECONDS * 1_000)}")
            try:
                is_busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                cursor.execute(f"PRAGMA busy_timeout={round(SQLITE_BUSY_SECONDS * 1_000)}")
            return not is_busy
        return False

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _beginnings(self) -> tuple[str, str]:
        """The statements that begin a reading and a writing transaction, settings included.

        Readers see one snapshot. On SQLite every transaction does.
        """
        if self.dialect == "sqlite":
            return "BEGIN", "BEGIN IMMEDIATE"
        read = "BEGIN ISOLATION LEVEL REPEATABLE READ"
        if self._statement_seconds is not None:
            read += f"; SET LOCAL statement_timeout TO {round(self._statement_seconds * 1_000)}"
        idle = round(IDLE_SECONDS * 1_000)
        return read, f"BEGIN; SET LOCAL idle_in_transaction_session_timeout TO {idle}"

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with self._turn_of(engine), engine.begin() as connection:
                noted = begin_noting(connection)
                yield connection
        except UnicodeEncodeError:
            raise UnstorableText from None
        except exc.DBAPIError as raised:
            error = first_of(raised)
            if isinstance(error, exc.DataError) and "NUL" in str(error.orig):
                raise UnstorableText from None
            leave_values_out(error)
            store_away = away(self.url, error)
            if store_away is None:
                raise
            raise store_away from error
        log_transitions(noted)

    @contextmanager
    def _turn_of(self, engine: Engine) -> Iterator[None]:
        """On SQLite, have this process's writing threads take turns.

        SQLite allows one writer at a time anyway, but its waiters poll, at growing intervals.
        """
        if self.dialect != "sqlite" or engine in (self._readers, self._askers):
            yield
            return
        if not self._one_writer.acquire(timeout=SQLITE_BUSY_SECONDS):
            raise StoreAway(
                url=self.url, reason="another thread of this process keeps it locked", remedy=AGAIN
            )
        try:
            yield
        finally:
            self._one_writer.release()


def _shown(url: URL) -> str:
    """A store's address as shown to people."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    return without_passwords(url.render_as_string(hide_password=True))
