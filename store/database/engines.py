"""Connections to each kind of database."""

import logging
import os.path
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url

from qwenq.schemas.errors import InvalidSetting

SQLITE_BUSY_SECONDS = 30.0
BEGIN = "qwenq_begin"
"""Execution option: the statements that begin a transaction."""
SYNCHRONOUS = "qwenq_synchronous"
TRIED_AFTER_SECONDS = 1.0
"""A PostgreSQL connection that was idle for this long is pinged before use: the server may have gone."""
_USED_AT = "qwenq_used_at"
_WAL = "PRAGMA journal_mode=WAL"
# Notice within half a minute that a server vanished. Unix sockets ignore these options.
_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "qwenq",
    "keepalives": 1,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def make_engine(url: str | URL) -> Engine:
    """Make SQLAlchemy's engine for a store's address. Raises InvalidSetting."""
    parsed = parsed_url(url)
    backend = parsed.get_backend_name()
    makers = {"sqlite": _make_sqlite_engine, "postgresql": _make_postgres_engine}
    if backend not in makers:
        raise InvalidSetting(
            name="QWENQ_DATABASE_URL", reason=f"{backend} is not supported; use sqlite or postgresql"
        )
    engine = makers[backend](parsed)
    pool = type(engine.pool)
    logging.getLogger(f"{pool.__module__}.{pool.__qualname__}").addFilter(_is_no_interrupt)
    return engine


def _is_no_interrupt(record: logging.LogRecord) -> bool:
    """Whether a record of the pool is not about Ctrl-C, which comes at any moment and is told by the command."""
    return not (record.exc_info and isinstance(record.exc_info[1], KeyboardInterrupt))


def parsed_url(url: str | URL) -> URL:
    """Read a store's address. Raises InvalidSetting."""
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise InvalidSetting(name="QWENQ_DATABASE_URL", reason="it is not a database URL") from None
    if "@" in (parsed.host or ""):
        # The rest of the password would stand in errors as the name of a host.
        raise InvalidSetting(name="QWENQ_DATABASE_URL", reason="write @ in a user or password as %40")
    return parsed


def _make_postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        # The begin event below sends BEGIN with its settings; the driver must not send another.
        isolation_level="AUTOCOMMIT",
        # Parameters hold documents, and errors are logged.
        hide_parameters=True,
        connect_args={name: value for name, value in _POSTGRES_OPTIONS.items() if name not in url.query},
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.get_execution_options().get(BEGIN, "BEGIN")
        if begin:
            connection.exec_driver_sql(begin)

    @event.listens_for(engine, "checkin")
    def _note_use(_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _try(connection: Any, record: Any, _proxy: Any) -> None:
        # Like SQLAlchemy's pool_pre_ping, which would ping before every transaction.
        if time.monotonic() - record.info.get(_USED_AT, time.monotonic()) < TRIED_AFTER_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.DisconnectionError from error

    return engine


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
        # The begin event below sends BEGIN; the driver must not send another.
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute("PRAGMA foreign_keys=ON")
        # What is removed is overwritten with zeros: tenants delete documents for good.
        connection.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Taking the write lock at once waits for it; taking it half way fails with "database is locked".
        options = connection.get_execution_options()
        synchronous = options.get(SYNCHRONOUS, "FULL")
        if connection.info.get(SYNCHRONOUS) != synchronous:
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
            connection.info[SYNCHRONOUS] = synchronous
        connection.exec_driver_sql(options.get(BEGIN, "BEGIN IMMEDIATE"))

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn on the write-ahead log. It needs the new file exclusively, and SQLite does not wait for that."""
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
