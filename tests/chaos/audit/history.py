"""A history that triggers keep, in the transactions of the writers.

What the tables say at the end cannot tell whether a document had two outcomes, or who wrote without the fence.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Connection, Double, Integer, MetaData, Table, Text, select

from qwenq.schemas.tables.columns import BigId
from qwenq.store.database.store import Store

_metadata = MetaData()


def _history(name: str, *columns: Column[int] | Column[str]) -> Table:
    moment = Column("at", Double, nullable=False, comment="seconds since 1970")
    return Table(name, _metadata, Column("id", BigId, primary_key=True), moment, *columns)


_documents = _history(
    "chaos_documents",
    Column("job_id", BigInteger),
    Column("seq", Integer),
    Column("was", Text),
    Column("became", Text),
)
_chunks = _history(
    "chaos_chunks",
    Column("chunk_id", BigInteger),
    Column("was", Text),
    Column("became", Text),
    Column("attempt_was", Integer),
    Column("attempt", Integer),
    Column("worker_id", BigInteger),
)
_results = _history(
    "chaos_results",
    Column("job_id", BigInteger),
    Column("seq", Integer),
    Column("chunk_id", BigInteger),
    Column("attempt", Integer),
    Column("fence", Integer),
    Column("chunk_state", Text),
)

# By table: the event, and what is noted about it.
_TRIGGERS = {
    "documents": (
        "UPDATE",
        (
            "INSERT INTO chaos_documents (at, job_id, seq, was, became) SELECT {now}, NEW.job_id, NEW.seq, "
            "CASE WHEN EXISTS (SELECT 1 FROM results WHERE job_id = NEW.job_id AND seq = NEW.seq) "
            "THEN 'succeeded' ELSE OLD.state END, NEW.state WHERE OLD.state <> NEW.state"
        ),
    ),
    "chunks": (
        "UPDATE",
        (
            "INSERT INTO chaos_chunks (at, chunk_id, was, became, attempt_was, attempt, worker_id) "
            "SELECT {now}, NEW.id, OLD.state, NEW.state, OLD.attempt, NEW.attempt, NEW.worker_id "
            "WHERE OLD.state <> NEW.state OR OLD.attempt <> NEW.attempt "
            "OR OLD.lease_expires_at <> NEW.lease_expires_at"
        ),
    ),
    "results": (
        "INSERT",
        (
            "INSERT INTO chaos_results (at, job_id, seq, chunk_id, attempt, fence, chunk_state) "
            "SELECT {now}, NEW.job_id, NEW.seq, NEW.chunk_id, NEW.attempt, chunks.attempt, chunks.state "
            "FROM chunks WHERE chunks.id = NEW.chunk_id; "
            "INSERT INTO chaos_documents (at, job_id, seq, was, became) SELECT {now}, NEW.job_id, NEW.seq, "
            "documents.state, 'succeeded' FROM documents "
            "WHERE documents.job_id = NEW.job_id AND documents.seq = NEW.seq"
        ),
    ),
}
_NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """A change of a document's state as views tell it: an answer makes it `succeeded`."""

    at: float
    job: int
    seq: int
    was: str
    became: str


@dataclass(frozen=True, slots=True)
class ChunkChange:
    """A change of a chunk's state, attempt or lease; `worker` holds it then."""

    at: float
    chunk: int
    was: str
    became: str
    attempt_was: int
    attempt: int
    worker: int | None


@dataclass(frozen=True, slots=True)
class ResultWrite:
    """An answer that an attempt wrote, with the chunk's fence and state at that moment."""

    at: float
    job: int
    seq: int
    chunk: int
    attempt: int
    fence: int
    chunk_state: str


def keep_history(store: Store) -> None:
    """Make the store keep its history from now on."""
    with store.writing() as connection:
        _metadata.create_all(connection)
        for table, (event, insertion) in _TRIGGERS.items():
            body = insertion.format(now=_NOW[store.dialect])
            if store.dialect == "postgresql":
                connection.exec_driver_sql(
                    f"CREATE FUNCTION chaos_{table}_note() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$ BEGIN {body}; RETURN NULL; END $$"
                )
                action = f"EXECUTE FUNCTION chaos_{table}_note()"
            else:
                action = f"BEGIN {body}; END"
            connection.exec_driver_sql(
                f"CREATE TRIGGER chaos_{table}_kept AFTER {event} ON {table} FOR EACH ROW {action}"
            )


def document_changes(connection: Connection) -> list[DocumentChange]:
    """All changes of documents' states, in order."""
    return [DocumentChange(*row[1:]) for row in connection.execute(select(_documents).order_by("id"))]


def chunk_changes(connection: Connection) -> list[ChunkChange]:
    """All changes of chunks, renewals included, in order."""
    return [ChunkChange(*row[1:]) for row in connection.execute(select(_chunks).order_by("id"))]


def result_writes(connection: Connection) -> list[ResultWrite]:
    """All answers that were written, in order."""
    return [ResultWrite(*row[1:]) for row in connection.execute(select(_results).order_by("id"))]
