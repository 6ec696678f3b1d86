"""How a job is worded: done documents are answered or failed ones, not cancelled ones."""

import re
from datetime import UTC, datetime

import pytest

from qwenq.actions import following
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import DocumentCounts, JobSpec, JobStatus, TokenUsage
from qwenq.schemas.results import FinishReason, Result, Usage
from qwenq.schemas.states import JobState
from qwenq.schemas.views.job_pages import FailureReasons
from qwenq.schemas.workers import LoadProgress, LoadStage
from qwenq.wording.jobs import job_line, show_answers, show_job, show_jobs
from qwenq.wording.outcomes import codes_in_words
from qwenq.wording.sampling import say_sampling

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


def test_greedy_thinking_is_warned_of_once_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    for thinking, warnings in ((True, 1), (False, 0)):
        spec = JobSpec(model="Qwen/Qwen3-8B", params=GenerationParams(thinking=thinking))
        say_sampling(spec)
        out, err = capfd.readouterr()
        assert (out, err.count("--sampling card takes what the card advises")) == ("", warnings)


def test_a_job_of_one_document_has_one_document() -> None:
    one = CANCELLED.model_copy(update={"documents": DocumentCounts(total=1, succeeded=1)})
    assert job_line(one) == "job 3 cancelled, 1 of 1 document"


def test_long_answers_and_ids_leave_the_other_columns_their_places(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    answers = [
        Result(custom_id=custom_id, text="a b " * 50, reasoning=None, finish_reason=FinishReason.STOP,
               usage=Usage(3, tokens), model="m")
        for custom_id, tokens in (("r1", 7), ("r" * 50, 16_384))
    ]  # fmt: skip
    show_answers(CANCELLED, answers)
    head, first, second, *_ = capsys.readouterr().err.splitlines()
    assert re.fullmatch("document {14}answer {26}tokens", head)
    assert re.fullmatch("r1 {20}a b .{25}… {7}7", first)
    assert re.fullmatch("r{19}…  a b .{25}…   16384", second)


def test_a_job_without_answers_has_no_table_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    show_answers(CANCELLED, [])
    assert capsys.readouterr().err.splitlines()[0].startswith("12 of 1,000 documents answered")


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


def test_a_job_in_work_tells_percent_time_left_and_no_speed_while_it_stands_still(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = DocumentCounts(total=30, pending=8, running=2, succeeded=20)
    usage = TokenUsage(completion_tokens=2_000)
    changes = {"state": JobState.RUNNING, "documents": counts, "usage": usage, "tokens_per_second": 50.0}
    running = CANCELLED.model_copy(update=changes)
    assert job_line(running) == "job 3 running, 20 of 30 documents (66 %), 50 tokens/s, about 20 s left"
    show_job(running)
    shown = capsys.readouterr().out.splitlines()
    assert {"done       66 %", "time left  about 20 s"} <= set(shown)
    still = running.model_copy(update={"still_seconds": 7_200.0})
    assert "left" not in job_line(still)


def test_error_codes_are_told_with_their_numbers() -> None:
    assert (
        codes_in_words(FailureReasons((), 0, {"too_long": 1_200, "no_text": 1}))
        == "too_long 1,200, no_text 1"
    )


@pytest.mark.parametrize(
    ("columns", "told"),
    [("120", {"50 %", "50 tokens/s", "10 s left"}), ("60", {"50 %", "10 s left"})],
)
def test_the_bar_tells_percent_and_time_left_and_the_speed_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str, told: set[str]
) -> None:
    monkeypatch.setattr(following, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    ended = CANCELLED.model_copy(update={"state": JobState.COMPLETED})
    running = CANCELLED.model_copy(
        update={
            "state": JobState.RUNNING,
            "documents": DocumentCounts(total=10, running=5, succeeded=5),
            "usage": TokenUsage(completion_tokens=500),
            "tokens_per_second": 50.0,
        }
    )
    polled = iter([running, ended])
    following.follow(lambda: next(polled), lambda: None)
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert {one for one in ("50 %", "50 tokens/s", "10 s left") if one in drawn} == told
