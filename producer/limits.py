"""Limits of what a submit may store: of one job, and of all unfinished jobs of its submitter."""

from collections.abc import Sequence

from qwenq.producer.reading.sources.unpacked_bytes import MAX_JOB_BYTES
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import InputTooLarge, SubmitterLimit
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.open_work import open_work_of

MAX_DOCUMENTS = "QWENQ_MAX_DOCUMENTS"
MAX_OPEN_JOBS = "QWENQ_MAX_OPEN_JOBS"
MAX_WAITING_DOCUMENTS = "QWENQ_MAX_WAITING_DOCUMENTS"


class JobSize:
    """Counts the rows and bytes of a job while they are stored; `sources` names its inputs."""

    def __init__(self, settings: Settings, sources: Sequence[str]) -> None:
        self._most_rows = settings.max_documents
        self._most_bytes = settings.max_job_bytes
        self._sources = sources
        self._rows = self._bytes = 0

    def add(self, rows: Sequence[Row], size: int) -> None:
        """Add the next rows, whose documents have this many bytes. Raises InputTooLarge for the first row too many."""
        if self._rows + len(rows) > self._most_rows:
            row = rows[self._most_rows - self._rows]
            raise self._too_large(
                row, f"the job would have more than {self._most_rows:,} rows", MAX_DOCUMENTS
            )
        if self._bytes + size > self._most_bytes:
            reached = f"the job's documents would have more than {self._most_bytes:,} bytes"
            raise self._too_large(self._first_beyond(rows), reached, MAX_JOB_BYTES)
        self._rows += len(rows)
        self._bytes += size

    def _first_beyond(self, rows: Sequence[Row]) -> Row:
        total = self._bytes
        for row in rows:
            if isinstance(row, Document):
                total += len(row.content.encode("utf-8", "replace"))
            if total > self._most_bytes:
                return row
        return rows[-1]

    def _too_large(self, row: Row, reached: str, setting: str) -> InputTooLarge:
        return InputTooLarge(
            source=self._sources[row.source], line=row.line, reached=reached, setting=setting
        )


def check_submitter(store: Store, settings: Settings, spec: JobSpec, job_id: int) -> None:
    """Raise SubmitterLimit if the submitter has too much unfinished work beside this job.

    A submitter is a name that anybody may take: this keeps programs from flooding the queue, not attackers.
    """
    most_jobs, most_documents = settings.max_open_jobs, settings.max_waiting_documents
    if spec.submitter is None or (most_jobs is None and most_documents is None):
        return
    with store.reading() as connection:
        jobs, documents = open_work_of(connection, spec.submitter, job_id)
    for count, most, what, setting in (
        (jobs, most_jobs, "unfinished jobs", MAX_OPEN_JOBS),
        (documents, most_documents, "waiting documents", MAX_WAITING_DOCUMENTS),
    ):
        if most is not None and count >= most:
            raise SubmitterLimit(submitter=spec.submitter, count=count, what=what, setting=setting)
