"""Moments grouped into time steps of equal length."""

from typing import Any

from sqlalchemy import ColumnElement, Double, Integer, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

from qwenq.schemas.tables.columns import UtcTime

_STEPS = (
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1_200.0,
    1_800.0,
    3_600.0,
    7_200.0,
    14_400.0,
    43_200.0,
    86_400.0,
)


class _Step(FunctionElement[int]):
    type = Integer()
    name = "qwenq_step"
    inherit_cache = True


@compiles(_Step, "sqlite")
def _step_sqlite(element: _Step, compiler: SQLCompiler, **options: Any) -> str:
    moment, began, seconds = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(({moment} - {began}) / {seconds} AS INTEGER)"


@compiles(_Step, "postgresql")
def _step_postgresql(element: _Step, compiler: SQLCompiler, **options: Any) -> str:
    moment, began, seconds = (compiler.process(clause, **options) for clause in element.clauses)
    # Not extract(): its numerics are slow to group.
    return f"CAST(floor(date_part('epoch', {moment} - {began}) / {seconds}) AS integer)"


def step_of(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """The number of the step that a moment falls into, from 0. Parameters: `began`, `step_seconds`."""
    return _Step(moment, bindparam("began", type_=UtcTime), bindparam("step_seconds", type_=Double))


def step_seconds(span_seconds: float, most: int) -> float:
    """The shortest round step length with which at most `most` steps cover the span.

    At least ten seconds: workers report no more often.
    """
    fitting = (step for step in _STEPS if span_seconds <= step * most)
    days = -(-span_seconds // (_STEPS[-1] * most))
    return next(fitting, _STEPS[-1] * days)
