"""The baseline of submit: minimal loops that write the same rows into the same tables."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg

from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.states import StoredDocumentState
from qwenq.schemas.tables.core import documents
from qwenq.store.database.store import Store
from qwenq.store.life.jobs import create_job

_COLUMNS = ", ".join(column.name for column in documents.columns)
_INSERT = f"INSERT INTO documents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COPY = f"COPY documents ({_COLUMNS}) FROM STDIN"
_BINARY = " (FORMAT BINARY)"
_TYPES = ("int8", "int4", "text", "int2", "int4", "text", "text", "text", "text")
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

BareRow = tuple[int, int, str, int, int, str, str, None, None]


def rows_of(path: Path, job_id: int) -> Iterator[BareRow]:
    """Read the rows of a JSONL file: the id from each line, and the line as content."""
    with path.open(encoding="utf-8") as lines:
        for seq, line in enumerate(lines):
            row_id = json.loads(line)["id"]
            yield (
                job_id,
                seq,
                row_id,
                0,
                seq + 1,
                StoredDocumentState.PENDING.value,
                line.rstrip("\n"),
                None,
                None,
            )


def insert_into_sqlite(path: Path, database: Path) -> float:
    """Read with json.loads and insert with one executemany in one transaction. Returns the seconds it took."""
    job_id = _make_job(f"sqlite:///{database}")
    started = time.perf_counter()
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, rows_of(path, job_id))
        connection.execute("COMMIT")
    return time.perf_counter() - started


def copy_into_postgres(path: Path, url: str) -> float:
    """Read with json.loads and COPY in one transaction. Returns the seconds it took."""
    return _copy(url, rows_of(path, _make_job(url)), _COPY, ())


def copy_prepared(path: Path, url: str, *, binary: bool) -> float:
    """COPY rows from memory in one transaction. Returns the seconds, without the reading."""
    rows = list(rows_of(path, _make_job(url)))
    return _copy(url, rows, _COPY + _BINARY, _TYPES) if binary else _copy(url, rows, _COPY, ())


def _copy(url: str, rows: Iterable[BareRow], statement: str, types: Sequence[str]) -> float:
    started = time.perf_counter()
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        if types:
            copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    return time.perf_counter() - started


def _make_job(url: str) -> int:
    with Store(url) as store, store.writing() as connection:
        return create_job(connection, JobSpec(model="echo", sources=("bare.jsonl",)))
