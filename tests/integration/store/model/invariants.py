"""Invariants of the model's store at every moment."""

from qwenq.schemas.states import ChunkState, DocumentState, JobState
from tests.integration.store.model.nouns import Chunk, Document, Job

_OF_CHUNK = {
    ChunkState.QUEUED: DocumentState.PENDING,
    ChunkState.RUNNING: DocumentState.RUNNING,
}


def check(job: Job) -> None:
    """Raise AssertionError where a job, its chunks and its documents contradict each other."""
    if not job.removed:
        _check_partition(job)
    for document in job.documents:
        _check_outcome(document)
        _check_reuse(job, document)
    for chunk in job.chunks:
        _check_chunk(chunk, job.documents_of(chunk))
    _check_end(job)


def _check_partition(job: Job) -> None:
    """Each document is in exactly one chunk."""
    covered = [seq for chunk in job.chunks for seq in range(chunk.first, chunk.last + 1)]
    assert covered == list(range(len(job.documents)))


def _check_outcome(document: Document) -> None:
    """A document has one outcome, and only where its state says so."""
    assert (document.answer is not None) == (document.state == DocumentState.SUCCEEDED)
    assert (document.error_code is not None) == (document.state == DocumentState.FAILED)


def _check_reuse(job: Job, document: Document) -> None:
    """Only jobs with --reuse give answers to others, or get answers from others."""
    answer = document.answer
    if answer is not None and not job.reuse:
        assert (answer.known, answer.reused_from) == (False, None)


def _check_chunk(chunk: Chunk, its: list[Document]) -> None:
    unfinished = {one.state for one in its if one.unfinished}
    if chunk.state == ChunkState.DONE:
        assert not unfinished, f"{chunk} is done, its documents are not"
    else:
        assert unfinished <= {_OF_CHUNK[chunk.state]}, f"{chunk} holds documents that are {unfinished}"
    if chunk.state == ChunkState.RUNNING:
        assert chunk.worker_id is not None, f"{chunk} runs without a worker"
        assert chunk.attempt > 0, f"{chunk} runs and was never claimed"
    if chunk.state == ChunkState.QUEUED:
        assert chunk.worker_id is None, f"{chunk} waits and has a worker"


def _check_end(job: Job) -> None:
    """A job ends exactly with its last chunk; workers drop a cancelled job's chunks later."""
    open_chunks = {chunk.state for chunk in job.chunks} - {ChunkState.DONE}
    match job.state:
        case JobState.COMPLETED | JobState.FAILED:
            assert not open_chunks, f"{job} has ended, a chunk of it has not"
            succeeded = any(one.state == DocumentState.SUCCEEDED for one in job.documents)
            assert succeeded == (job.state == JobState.COMPLETED)
        case JobState.CANCELLED:
            assert open_chunks <= {ChunkState.RUNNING}, f"a chunk waits for ever in {job}"
        case JobState.QUEUED | JobState.RUNNING | JobState.PAUSED:
            assert open_chunks, f"every chunk of {job} is done, and it has not ended"
        case _:
            pass
