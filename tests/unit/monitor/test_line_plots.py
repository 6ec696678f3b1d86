"""Line plots: data, sentence and table."""

import json
from datetime import UTC, datetime, timedelta

from qwenq.monitor.pages.line_plots import progress_plots, speed_plots
from qwenq.schemas.jobs import DocumentCounts, JobStatus, TokenUsage
from qwenq.schemas.states import JobState
from qwenq.schemas.views.fleet import SpeedPoint
from qwenq.schemas.views.progress import Progress, ProgressPoint

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def job_of(total: int, speed: float | None = None, state: JobState = JobState.RUNNING) -> JobStatus:
    return JobStatus(
        id=1, name="", state=state, model="m", documents=DocumentCounts(total=total), usage=TokenUsage(),
        submitter=None, tokens_per_second=speed, created_at=NOON, started_at=NOON, finished_at=None,
    )  # fmt: skip


def test_a_job_has_plots_of_documents_and_of_tokens() -> None:
    points = [
        ProgressPoint(NOON, 0, None),
        ProgressPoint(_at(60), 10, 50.0),
        ProgressPoint(_at(120), 30, 150.0),
    ]
    documents, tokens = progress_plots(Progress(60, points), job_of(1_200, 92.0))
    assert json.loads(documents.data) == {
        "label": "Documents answered or failed",
        "times": [NOON.timestamp() + seconds for seconds in (0, 60, 120)],
        "values": [0, 10, 30],
        "top": 1_200,
    }
    assert documents.summary == "30 of 1,200 documents in 2 min."
    assert json.loads(tokens.data)["values"] == [None, 50, 150]
    assert tokens.summary == "150 tokens/s most recently, 92 tokens/s on average, at most 150 over a minute."
    _, short = progress_plots(Progress(60, points), job_of(1_200, 9_000.0))
    assert short.summary == "150 tokens/s most recently, 9,000 tokens/s on average."
    assert tokens.rows == [("2026-01-01 12:01:00 UTC", "50"), ("2026-01-01 12:02:00 UTC", "150")]


def test_a_job_that_has_not_started_has_no_plot() -> None:
    assert progress_plots(Progress(), job_of(10)) == []


def test_a_plot_without_measurements_says_so() -> None:
    begun = [ProgressPoint(NOON, 0, None), ProgressPoint(_at(3), 0, None)]
    for job, said in (
        (job_of(10), "Nothing has been measured yet."),
        (job_of(10, state=JobState.COMPLETED), "No tokens were generated."),
    ):
        _, tokens = progress_plots(Progress(10, begun), job)
        assert (tokens.summary, tokens.rows) == (said, [])


def test_a_worker_has_plots_of_speed_and_padding() -> None:
    points = [SpeedPoint(NOON, None, None), SpeedPoint(_at(60), 90.0, 0.25), SpeedPoint(_at(120), 30.0, 0.75)]
    speed, padding = speed_plots(7, points)
    assert (speed.id, padding.id) == ("speed-7", "padding-7")
    assert speed.summary == "30 tokens/s in the last minute, 60 on average of 2 minutes, 90 at most."
    assert padding.values == [None, 25, 75]
    assert padding.summary == "On average 50.0 % of the prompts' tokens, computed for nothing beside them."


def test_the_table_of_a_long_plot_is_short_and_ends_with_the_last_point() -> None:
    points = [SpeedPoint(_at(60 * minute), float(minute), None) for minute in range(100)]
    speed, padding = speed_plots(7, points)
    assert (len(speed.values), len(speed.rows), padding.rows) == (100, 25, [])
    assert speed.rows[-2:] == [("2026-01-01 13:35:00 UTC", "95"), ("2026-01-01 13:39:00 UTC", "99")]
