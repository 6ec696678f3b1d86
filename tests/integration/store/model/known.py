"""Answers that may be given again: the store's fingerprints in plain Python."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from qwenq.schemas.documents import Document as Row
from qwenq.schemas.outcomes import Outcome
from tests.builders import row
from tests.integration.store.model.nouns import Answer, Chunk, Document, Job

TEXTS = 4
"""So many different documents there are."""


def text_of(seq: int) -> str:
    """What the document at that place says, in whatever job."""
    return f"document {seq % TEXTS}"


def row_of(seq: int) -> Row:
    """The row that says so."""
    return row(seq, content=f'{{"text": "{text_of(seq)}"}}')


def answered(outcome: Outcome, chunk: Chunk) -> Answer:
    """The answer that the holder of a chunk writes."""
    known = outcome.fingerprint is not None
    return Answer(outcome.text, chunk.attempt, chunk.worker_id or 0, outcome.reused_from, known)


def known_answer(jobs: Mapping[int, Job], text: str) -> tuple[int, Answer] | None:
    """The oldest job with a reusable answer to this text, and the answer."""
    found = [(job_id, answer) for job_id, _, answer in _known(jobs, text)]
    return min(found, key=lambda one: one[0], default=None)


def forget_elsewhere(jobs: Mapping[int, Job], job: Job, seq: int) -> None:
    """A copy was written: from now on, only this job's answer is found."""
    for job_id, document, answer in list(_known(jobs, text_of(seq))):
        if jobs[job_id] is not job:
            document.answer = replace(answer, known=False)


def _known(jobs: Mapping[int, Job], text: str) -> Iterator[tuple[int, Document, Answer]]:
    for job_id, job in jobs.items():
        for seq, document in enumerate(job.documents):
            if document.answer is not None and document.answer.known and text_of(seq) == text:
                yield job_id, document, document.answer
