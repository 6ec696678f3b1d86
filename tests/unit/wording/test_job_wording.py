"""How a job is worded: done documents are answered or failed ones, not cancelled ones."""

from datetime import UTC, datetime

import pytest

from qwenq.schemas.jobs import DocumentCounts, JobStatus, TokenUsage
from qwenq.schemas.states import JobState
from qwenq.schemas.workers import LoadProgress, LoadStage
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


def test_the_line_of_a_cancelled_job_tells_done_from_cancelled_documents() -> None:
    assert job_line(CANCELLED) == "job 3 cancelled, 13 of 1,000 documents, 1 failed, 987 cancelled"


def test_a_job_of_one_document_has_one_document() -> None:
    one = CANCELLED.model_copy(update={"documents": DocumentCounts(total=1, succeeded=1)})
    assert job_line(one) == "job 3 cancelled, 1 of 1 document"


def test_without_jobs_the_store_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs([], "sqlite:///here.db")
    assert "there is no job in sqlite:///here.db yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (
            LoadProgress(LoadStage.DOWNLOADING, 33 * 2**27, 33 * 2**29, 240.0),
            "downloading the model: 4.1 GiB of 16 GiB, 25 %, about 4 min left",
        ),
        (LoadProgress(LoadStage.DOWNLOADING, 5 * 2**20), "downloading the model: 5.0 MiB"),
        (
            LoadProgress(LoadStage.LOADING, 7, 7, 0.0),
            "loading the model: 7.0 B of 7.0 B, 100 %, about 0 s left",
        ),
    ],
    ids=["with the time left", "without a total", "at its end"],
)
def test_the_line_of_a_job_that_waits_for_its_model_tells_how_far_it_is(
    progress: LoadProgress, said: str
) -> None:
    waiting = CANCELLED.model_copy(update={"state": JobState.QUEUED, "loading": progress})
    assert job_line(waiting).endswith(f", {said}")


def test_the_table_of_jobs_does_not_count_cancelled_documents_as_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_jobs([CANCELLED], "here.db")
    heading, row = (line.split() for line in capsys.readouterr().out.splitlines())
    assert dict(zip(heading, row, strict=False))["done"] == "13"
