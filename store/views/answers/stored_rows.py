"""The documents of a job as they are stored, a bounded amount of text at a time."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, bindparam, func, select

from qwenq.schemas.tables.core import documents

PAGE_ROWS = 2_000
PAGE_CHARACTERS = 16 * 1024 * 1024
"""So much text is read at once, or one document: two thousand of the largest would take all memory."""

_of_job = documents.c.job_id == bindparam("of_job")
_these = documents.c.seq.in_(bindparam("seqs", expanding=True))
_SIZES = select(documents.c.seq, func.length(documents.c.content)).where(_of_job, _these)
_CONTENTS = select(documents.c.content).where(_of_job, _these).order_by(documents.c.seq)
_NEXT_SEQS = (
    select(documents.c.seq)
    .where(_of_job, documents.c.seq > bindparam("after"))
    .order_by(documents.c.seq)
    .limit(PAGE_ROWS)
)


def stored_rows(connection: Connection, job_id: int, seqs: Sequence[int]) -> Iterator[str]:
    """The rows of these documents, at most PAGE_ROWS in ascending order: JSON objects, or the raw text of bad rows."""
    sizes = dict(connection.execute(_SIZES, {"of_job": job_id, "seqs": seqs}).all())
    some: list[int] = []
    characters = 0
    for seq in seqs:
        if some and characters + sizes[seq] > PAGE_CHARACTERS:
            yield from _contents(connection, job_id, some)
            some, characters = [], 0
        some.append(seq)
        characters += sizes[seq]
    if some:
        yield from _contents(connection, job_id, some)


def all_stored_rows(connection: Connection, job_id: int) -> Iterator[str]:
    """The rows of all documents of a job, in input order."""
    after = -1
    while seqs := connection.execute(_NEXT_SEQS, {"of_job": job_id, "after": after}).scalars().all():
        yield from stored_rows(connection, job_id, seqs)
        after = seqs[-1]


def _contents(connection: Connection, job_id: int, seqs: Sequence[int]) -> Sequence[str]:
    return connection.execute(_CONTENTS, {"of_job": job_id, "seqs": seqs}).scalars().all()
