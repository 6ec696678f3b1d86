"""The lines of a job that runs, in input order up to its first document without an outcome.

What is before that document does not change any more, unless the job is retried. So a program that read some lines
finds the next ones behind them.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from qwenq.schemas.results import ErrorLine, Result
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks, documents, jobs, results
from qwenq.store.conditions import is_being_removed, is_unfinished
from qwenq.store.views.answers.cancelled import cancelled_after
from qwenq.store.views.answers.results import errors_after, results_after
from qwenq.store.views.answers.stored_rows import PAGE_ROWS, stored_rows

PAGE_PLACES = PAGE_ROWS
"""Places of the input in a page: each of the pages that it is made of holds so many rows."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How many documents at the beginning of a job have ended, how many of them are answered, and of how many."""

    places: int
    answers: int
    total: int


EndedLine = Result | ErrorLine | str
"""An answer, a failure, or the id of a cancelled document."""


def read_ended(connection: Connection, job_id: int) -> Ended | None:
    """What the beginning of a job holds; None: it is being removed."""
    if connection.execute(select(jobs.c.id).where(jobs.c.id == job_id, ~is_being_removed())).first() is None:
        return None
    of_job = chunks.c.job_id == job_id
    total = connection.execute(
        select(func.coalesce(func.sum(chunks.c.documents), 0)).where(of_job)
    ).scalar_one()
    places = _first_open(connection, job_id)
    places = int(total) if places is None else places
    answered = select(func.count()).where(results.c.job_id == job_id, results.c.seq < places)
    return Ended(places, connection.execute(answered).scalar_one(), int(total))


def place_of_answer(connection: Connection, job_id: int, number: int) -> int | None:
    """The place in the input of the answer with this number, from 0; None if there are not so many."""
    seqs = select(results.c.seq).where(results.c.job_id == job_id).order_by(results.c.seq)
    place: int | None = connection.execute(seqs.offset(number).limit(1)).scalar_one_or_none()
    return place


def ended_lines(
    connection: Connection, job_id: int, first: int, end: int, *, with_rows: bool
) -> list[EndedLine]:
    """The lines of the documents from `first` to before `end`, at most PAGE_PLACES of them, in input order.

    `with_rows`: each answer with its document.
    """
    answered = results_after(connection, job_id, first - 1)
    failed = errors_after(connection, job_id, first - 1)
    found: list[tuple[int, EndedLine]] = []
    found += zip(answered.seqs, answered.lines, strict=True)
    found += zip(failed.seqs, failed.lines, strict=True)
    found += cancelled_after(connection, job_id, first - 1)
    found = sorted((one for one in found if one[0] < end), key=lambda one: one[0])
    if not with_rows:
        return [line for _, line in found]
    seqs = [seq for seq, line in found if isinstance(line, Result)]
    rows = dict(zip(seqs, stored_rows(connection, job_id, seqs), strict=True))
    return [
        line.model_copy(update={"row": rows[seq]}) if isinstance(line, Result) else line
        for seq, line in found
    ]


def _first_open(connection: Connection, job_id: int) -> int | None:
    chunk = connection.execute(
        select(chunks.c.first_seq, chunks.c.last_seq)
        .where(chunks.c.job_id == job_id, chunks.c.state != ChunkState.DONE)
        .order_by(chunks.c.first_seq)
        .limit(1)
    ).one_or_none()
    if chunk is None:
        return None
    unfinished = is_unfinished(job_id, chunk.first_seq, chunk.last_seq)
    place: int | None = connection.execute(
        select(documents.c.seq).where(unfinished).order_by(documents.c.seq).limit(1)
    ).scalar_one_or_none()
    return chunk.last_seq + 1 if place is None else place
