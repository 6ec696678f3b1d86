"""What a batch has of its lines so far, in input order up to the first that has not ended.

The same lines are in the same order when the batch has ended, so that a program goes on where it stopped reading.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from qwenq.exporting.openai_lines import answer_line, error_line, unasked_line
from qwenq.schemas.errors import BatchNotChangeable, LinesGone
from qwenq.schemas.results import ErrorLine, Result
from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import StoredBatch
from qwenq.schemas.states import ENDED_BATCH_STATES
from qwenq.server.batches.finalizing import why_unasked
from qwenq.store.api_batches.life import own_job
from qwenq.store.database.clock import moment_of
from qwenq.store.database.store import Store
from qwenq.store.views.answers.ended_lines import (
    PAGE_PLACES,
    EndedLine,
    ended_lines,
    place_of_answer,
    read_ended,
)


@dataclass(frozen=True, slots=True)
class Partial:
    """Lines from one place of the input to before another. `last_line` is the offset to go on with.

    `is_incomplete`: more lines will follow. `expected` is how many lines there are.
    """

    batch: StoredBatch
    job_id: int | None
    first: int
    end: int
    expected: int
    last_line: int
    is_incomplete: bool
    answers_only: bool

    @property
    def headers(self) -> dict[str, str]:
        """What a response says beside the lines."""
        return {"x-incomplete": str(self.is_incomplete).lower(), "x-last-line": str(self.last_line)}


def partial_of(store: Store, batch: StoredBatch, offset: int, *, answers_only: bool) -> Partial:
    """The lines from the offset on: those of the output file alone, or all. Raises BatchNotChangeable: they are gone.

    After a retry of the batch, lines are read from the first one on again.
    """
    has_ended = batch.state in ENDED_BATCH_STATES
    if batch.job_id is None:
        return Partial(batch, None, 0, 0, 0, offset, not has_ended, answers_only)
    with store.reading() as connection:
        job_id = own_job(connection, batch.id)
        ended = None if job_id is None else read_ended(connection, job_id)
        if job_id is None or ended is None:
            raise BatchNotChangeable("read", "whose lines were removed; its files hold them")
        first: int | None = offset
        if answers_only:
            first = place_of_answer(connection, job_id, offset)
    known = ended.answers if answers_only else ended.places
    if first is None or offset >= known:
        first = ended.places
    return Partial(
        batch,
        job_id,
        first,
        ended.places,
        max(known - offset, 0),
        max(known, offset),
        ended.places < ended.total,
        answers_only,
    )


def lines_in(store: Store, partial: Partial) -> Iterator[bytes]:
    """The lines, each with its end. Raises LinesGone if somebody removes them meanwhile."""
    if partial.job_id is None:
        return
    written = 0
    for first in range(partial.first, partial.end, PAGE_PLACES):
        end = min(first + PAGE_PLACES, partial.end)
        with_rows = partial.batch.endpoint == Endpoint.RESPONSES
        with store.reading() as connection:
            created = int(moment_of(connection).timestamp())
            found = ended_lines(connection, partial.job_id, first, end, with_rows=with_rows)
        for line in found:
            if isinstance(line, Result) or not partial.answers_only:
                written += 1
                yield orjson.dumps(_as_openai(line, partial.batch, created), option=orjson.OPT_APPEND_NEWLINE)
    if written != partial.expected:
        raise LinesGone(batch_id=partial.batch.id)


def _as_openai(line: EndedLine, batch: StoredBatch, created: int) -> dict[str, Any]:
    endpoint = Endpoint(batch.endpoint)
    match line:
        case Result():
            return answer_line(line, created, endpoint)
        case ErrorLine():
            return error_line(line, endpoint)
    return unasked_line(line, *why_unasked(batch))
