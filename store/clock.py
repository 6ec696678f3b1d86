"""The database's clock: leases of many machines are measured by one watch."""

from typing import Any

from sqlalchemy import ColumnElement, Double, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from schemas.columns import UtcTime


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


def now(shift_seconds: float = 0.0) -> ColumnElement[Any]:
    """The database's present moment, moved by some seconds (negative: into the past)."""
    return _Now(literal(float(shift_seconds), Double))
