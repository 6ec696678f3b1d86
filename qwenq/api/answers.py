"""Read a job's answers, errors, parts and history."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

from qwenq.api.lines import Lines
from qwenq.api.opened import store_of
from qwenq.api.standing import status
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, Result
from qwenq.schemas.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


def results(
    job_id: int,
    *,
    keep_columns: Sequence[str] | Literal["all"] | None = None,
    settings: Settings | None = None,
) -> Lines[Result]:
    """Stream a job's answers so far, in input order.

    `rows()` and `to_pandas()` of it give plain rows, with these columns of the input. Raises UnknownJob,
    InvalidParameter for a column that no document has, StoreAway.
    """
    from qwenq.exporting import check_kept_of_job, sheet_of_job
    from qwenq.store.views.answers.results import results_of

    status(job_id, settings=settings)
    keep = keep_columns if keep_columns is None or keep_columns == "all" else tuple(keep_columns)
    with store_of(settings) as store, store.reading() as connection:
        check_kept_of_job(connection, job_id, keep)
        sheet = sheet_of_job(connection, job_id, keep)
    read = partial(results_of, with_rows=keep is not None)
    return Lines(_streamed(read, job_id, settings), sheet)


def errors(job_id: int, *, settings: Settings | None = None) -> Lines[ErrorLine]:
    """Stream a job's failed documents and bad rows so far, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.exporting.sheets import ERRORS
    from qwenq.store.views.answers.results import errors_of

    status(job_id, settings=settings)
    return Lines(_streamed(errors_of, job_id, settings), ERRORS)


def parts(job_id: int, *, settings: Settings | None = None) -> Lines[PartLine]:
    """Stream the answers to the parts of a job's long documents, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.exporting.sheets import PARTS
    from qwenq.store.views.answers.parts import parts_of

    status(job_id, settings=settings)
    return Lines(_streamed(parts_of, job_id, settings), PARTS)


def history(job_id: int, *, settings: Settings | None = None) -> Lines[HistoryLine]:
    """Stream the failures of a job that were retried, in input order. Raises UnknownJob, StoreAway."""
    from qwenq.exporting.sheets import HISTORY
    from qwenq.store.views.answers.failures import history_of

    status(job_id, settings=settings)
    return Lines(_streamed(history_of, job_id, settings), HISTORY)


def _streamed(
    read: "Callable[[Connection, int], Iterator[T]]", job_id: int, settings: Settings | None
) -> Iterator[T]:
    with store_of(settings) as store, store.reading() as connection:
        yield from read(connection, job_id)
