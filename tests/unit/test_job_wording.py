"""What is said of a job counts as done what was answered or failed, and not what was cancelled."""

from datetime import UTC, datetime

import pytest

from qwenq.schemas.jobs import DocumentCounts, JobStatus, TokenUsage
from qwenq.schemas.states import JobState
from qwenq.wording.jobs import job_line, show_jobs

CANCELLED = JobStatus(
    id=3,
    name="letters",
    state=JobState.CANCELLED,
    model="echo",
    documents=DocumentCounts(total=1_000, succeeded=12, failed=1, cancelled=987),
    usage=TokenUsage(),
    submitter=None,
    tokens_per_second=None,
    created_at=datetime.now(UTC),
    started_at=None,
    finished_at=None,
)


def test_the_line_of_a_cancelled_job_says_how_much_was_done_and_how_much_was_not() -> None:
    assert job_line(CANCELLED) == "job 3 cancelled, 13 of 1,000 documents, 1 failed, 987 cancelled"


def test_the_table_of_jobs_leaves_out_of_done_what_was_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs([CANCELLED])
    heading, row = (line.split() for line in capsys.readouterr().out.splitlines())
    assert dict(zip(heading, row, strict=False))["done"] == "13"
