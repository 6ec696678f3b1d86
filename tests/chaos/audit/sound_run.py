"""A small run that kept every promise, for tests of the auditor."""

from tests.chaos.audit.evidence import Evidence, StoredDocument, StoredJob
from tests.chaos.audit.history import ChunkChange, DocumentChange, ResultWrite
from tests.chaos.engines.log import Deed, Note, generations
from tests.chaos.faults.carrying_out import Met
from tests.chaos.plan import Fault, Trouble
from tests.chaos.world.orders import DEADLY, Order
from tests.chaos.world.producers import Receipt

JOB, CHUNK = 1, 7
ORDER = Order("order-0", ("the first", "the second", f"the third, {DEADLY}"), deadly=2)
FIRST, SECOND = 11, 12
"""Ids of two workers, and the process ids of their parents."""
KILL = Fault(1.0, Trouble.KILL_WORKER, 0, 1.0)


def sound() -> Evidence:
    """A worker generates two documents and is killed with one of them written; another answers the second.

    The third document kills the process that begins it.
    """
    notes = [
        *generated(100, FIRST, attempt=1, seq=0),
        *generated(102, FIRST, attempt=1, seq=1),
        *generated(110, SECOND, attempt=2, seq=1),
        Note(112, SECOND + 100, SECOND, Deed.BEGUN, JOB, CHUNK, 2, 2),
    ]
    return Evidence(
        receipts=[Receipt(ORDER, 0)],
        jobs=[StoredJob(JOB, ORDER.name, "completed")],
        documents=[
            StoredDocument(JOB, 0, "d0", ORDER.texts[0], "succeeded", None, ORDER.texts[0], CHUNK, 1),
            StoredDocument(JOB, 1, "d1", ORDER.texts[1], "succeeded", None, ORDER.texts[1], CHUNK, 2),
            StoredDocument(JOB, 2, "d2", ORDER.texts[2], "failed", "poison", None, None, None),
        ],
        running_chunks=[],
        waiting_chunks=[],
        pids_of_workers={FIRST: FIRST, SECOND: SECOND},
        document_changes=[
            *_outcome(101.5, 0, "succeeded"),
            *_outcome(111.5, 1, "succeeded"),
            *_outcome(113, 2, "failed"),
        ],
        chunk_changes=[
            ChunkChange(99, CHUNK, "queued", "running", 0, 1, FIRST),
            ChunkChange(101.5, CHUNK, "running", "running", 1, 1, FIRST),
            ChunkChange(106, CHUNK, "running", "queued", 1, 1, None),
            ChunkChange(109, CHUNK, "queued", "running", 1, 2, SECOND),
            ChunkChange(111.5, CHUNK, "running", "running", 2, 2, SECOND),
            ChunkChange(113, CHUNK, "running", "done", 2, 2, SECOND),
        ],
        result_writes=[
            ResultWrite(101.5, JOB, 0, CHUNK, 1, 1, "running"),
            ResultWrite(111.5, JOB, 1, CHUNK, 2, 2, "running"),
        ],
        notes=notes,
        generations=generations(notes),
        met=[Met(KILL, 104, 104, (FIRST,))],
        unsound=[],
        left_messages=0,
        left_processes=[],
    )


def generated(at: float, worker: int, attempt: int, seq: int) -> list[Note]:
    names = (JOB, CHUNK, attempt, seq)
    pid = worker + 100
    return [Note(at, pid, worker, Deed.BEGUN, *names), Note(at + 1, pid, worker, Deed.ENDED, *names)]


def _outcome(at: float, seq: int, state: str) -> list[DocumentChange]:
    return [
        DocumentChange(at - 2, JOB, seq, "pending", "running"),
        DocumentChange(at, JOB, seq, "running", state),
    ]
