"""Histograms of a job's prompts, answers and seconds, counted by the database in flat memory."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, case, func, literal_column, select

from qwenq.schemas.measures.histograms import SECOND_BOUNDS, TOKEN_BOUNDS, histogram
from qwenq.schemas.results import FinishReason
from qwenq.schemas.tables.core import results
from qwenq.schemas.views.job_costs import Distributions

_BASE = 64
_UNKNOWN = 63


def _bucket(value: ColumnElement[float], bounds: Sequence[float], reached: int = 0) -> ColumnElement[int]:
    """How many of the bounds a value reaches, by binary search: there may be a million rows."""
    if not bounds:
        return literal_column(str(reached), Integer)
    middle = len(bounds) // 2
    return case(
        (value < literal_column(f"{bounds[middle]:.6f}"), _bucket(value, bounds[:middle], reached)),
        else_=_bucket(value, bounds[middle + 1 :], reached + middle + 1),
    )


def _packed() -> ColumnElement[int]:
    """An answer's three buckets as one number: SQLite sorts to group, and sorts numbers twice as fast as rows."""
    unknown = (results.c.seconds.is_(None), literal_column(str(_UNKNOWN), Integer))
    base = literal_column(str(_BASE), Integer)
    prompt = _bucket(results.c.prompt_tokens, TOKEN_BOUNDS)
    answer = _bucket(results.c.completion_tokens, TOKEN_BOUNDS)
    return (prompt * base + answer) * base + case(unknown, else_=_bucket(results.c.seconds, SECOND_BOUNDS))


_generated = (results.c.job_id == bindparam("of_job"), results.c.reused_from.is_(None))
_COUNTS = (
    select(_packed().label("buckets"), func.count().label("answers")).where(*_generated).group_by("buckets")
)
_TOTALS = select(
    func.coalesce(func.sum(results.c.prompt_tokens), 0).label("prompt_tokens"),
    func.coalesce(func.sum(results.c.completion_tokens), 0).label("answer_tokens"),
    func.coalesce(func.sum(results.c.seconds), 0.0).label("seconds"),
    func.max(results.c.prompt_tokens).label("most_prompt_tokens"),
    func.max(results.c.completion_tokens).label("most_answer_tokens"),
    func.max(results.c.seconds).label("most_seconds"),
    func.count().filter(results.c.finish_reason == FinishReason.LENGTH).label("cut_off"),
).where(*_generated)


def job_distributions(connection: Connection, job_id: int) -> Distributions:
    """Histograms of the answers generated for a job so far; without reused ones."""
    totals = connection.execute(_TOTALS, {"of_job": job_id}).one()
    prompts, answers, seconds = [0] * _BASE, [0] * _BASE, [0] * _BASE
    for row in connection.execute(_COUNTS, {"of_job": job_id}):
        prompts[row.buckets // _BASE**2] += row.answers
        answers[row.buckets // _BASE % _BASE] += row.answers
        seconds[row.buckets % _BASE] += row.answers
    seconds[_UNKNOWN] = 0
    return Distributions(
        prompt_tokens=histogram(
            prompts, TOKEN_BOUNDS, float(totals.prompt_tokens), totals.most_prompt_tokens
        ),
        answer_tokens=histogram(
            answers, TOKEN_BOUNDS, float(totals.answer_tokens), totals.most_answer_tokens
        ),
        seconds=histogram(seconds, SECOND_BOUNDS, round(totals.seconds, 3), _rounded(totals.most_seconds)),
        cut_off=totals.cut_off,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
