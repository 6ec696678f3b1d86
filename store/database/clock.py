"""The database's clock: one clock for the leases of all machines."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Text, bindparam, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from qwenq.schemas.tables.columns import UtcTime


class _Now(FunctionElement[Any]):
    type = UtcTime()
    name = "qwenq_now"
    inherit_cache = True


@compiles(_Now, "sqlite")
def _now_sqlite(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    shift = compiler.process(element.clauses, **options)
    return f"((julianday('now') - 2440587.5) * 86400.0 + {shift})"


@compiles(_Now, "postgresql")
def _now_postgresql(element: _Now, compiler: SQLCompiler, **options: Any) -> str:
    shift = compiler.process(element.clauses, **options)
    return f"(clock_timestamp() + make_interval(secs => {shift}))"


class _SecondsSince(FunctionElement[float]):
    type = Double()
    name = "qwenq_seconds_since"
    inherit_cache = True


@compiles(_SecondsSince, "sqlite")
def _seconds_since_sqlite(element: _SecondsSince, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"((julianday('now') - 2440587.5) * 86400.0 - {moment})"


@compiles(_SecondsSince, "postgresql")
def _seconds_since_postgresql(element: _SecondsSince, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"CAST(extract(epoch FROM clock_timestamp() - {moment}) AS double precision)"


class _Later(FunctionElement[Any]):
    type = UtcTime()
    name = "qwenq_later"
    inherit_cache = True


@compiles(_Later, "sqlite")
def _later_sqlite(element: _Later, compiler: SQLCompiler, **options: Any) -> str:
    moment, seconds = (compiler.process(one, **options) for one in element.clauses)
    return f"({moment} + {seconds})"


@compiles(_Later, "postgresql")
def _later_postgresql(element: _Later, compiler: SQLCompiler, **options: Any) -> str:
    moment, seconds = (compiler.process(one, **options) for one in element.clauses)
    return f"({moment} + make_interval(secs => {seconds}))"


class _Today(FunctionElement[str]):
    type = Text()
    name = "qwenq_today"
    inherit_cache = True


@compiles(_Today, "sqlite")
def _today_sqlite(_element: _Today, _compiler: SQLCompiler, **_options: Any) -> str:
    return "strftime('%Y-%m-%d', 'now')"


@compiles(_Today, "postgresql")
def _today_postgresql(_element: _Today, _compiler: SQLCompiler, **_options: Any) -> str:
    return "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


def today() -> ColumnElement[str]:
    """The database's present day in UTC: 2026-11-30."""
    return _Today()


def now(shift_seconds: float = 0.0) -> ColumnElement[Any]:
    """The database's present moment, shifted by some seconds (negative: into the past)."""
    return _Now(literal(float(shift_seconds), Double))


def now_and(seconds: str) -> ColumnElement[Any]:
    """The same for a statement that is built once: the parameter named `seconds` holds the shift."""
    return _Now(bindparam(seconds, type_=Double))


def seconds_since(moment: ColumnElement[Any]) -> ColumnElement[float]:
    """The seconds that passed since a moment in the store."""
    return _SecondsSince(moment)


def later(moment: ColumnElement[Any], seconds: float) -> ColumnElement[Any]:
    """The moment that is so many seconds after a moment in the store."""
    return _Later(moment, literal(float(seconds), Double))


def moment_of(connection: Connection) -> datetime:
    """Read the database's clock."""
    moment: datetime = connection.execute(select(now())).scalar_one()
    return moment
