"""Cancel, pause, resume and retry from a page: their effect, and protection from other sites."""

import logging
import re
from collections.abc import Iterator

import pytest

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_status
from tests.builders import answer, claim_first, failure, finish, make_job, make_worker
from tests.monitors import Browser, running_monitor

ACTIONS = ["cancel", "pause", "resume", "retry"]

_DONE = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}


def _state(store: Store, job_id: int) -> JobState:
    with store.reading() as connection:
        status = job_status(connection, job_id)
    assert status is not None
    return status.state


def _notice(flower: Browser) -> str:
    """The notice on the next page."""
    found = re.search(r'class="notice" role="status">(.*?)</div>', flower.get("/jobs").text)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def read_only(watched: Settings) -> Iterator[Browser]:
    with running_monitor(watched, read_only=True) as browser:
        yield browser


def test_a_job_is_paused_resumed_and_cancelled(
    flower: Browser, watched_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "qwenq.store")
    job_id = make_job(watched_store)
    for action, state, said in (
        ("pause", JobState.PAUSED, "Paused."),
        ("resume", JobState.QUEUED, "Resumed."),
        ("cancel", JobState.CANCELLED, "Cancelled. 0 answers kept."),
    ):
        done = flower.press(action, job_id)
        assert (done.status_code, done.headers["Location"]) == (303, f"/jobs/{job_id}")
        assert _state(watched_store, job_id) == state
        assert said in _notice(flower)
        assert _notice(flower) == "", "the notice is shown once"
        assert re.search(rf"{_DONE[action]} by owner, \d{{4}}-", flower.get(f"/jobs/{job_id}").text)
    by = {record.getMessage(): vars(record).get("by") for record in caplog.records}
    assert {by[f"job.{done}"] for done in ("paused", "resumed", "cancelled")} == {"owner"}


def test_retry_requeues_failed_documents_and_announces_them(
    flower: Browser, watched: Settings, watched_store: Store
) -> None:
    worker = make_worker(watched_store)
    job_id = make_job(watched_store, documents=2)
    claim = claim_first(watched_store, job_id, worker)
    assert claim is not None
    finish(watched_store, claim, [answer(0), failure(1)])
    with Broker(watched) as broker:
        waiting = broker.depth("echo")
        assert flower.press("retry", job_id).status_code == 303
        assert _state(watched_store, job_id) == JobState.QUEUED
        assert "1 document to run again." in _notice(flower)
        assert broker.depth("echo") == waiting + 1


@pytest.mark.parametrize("action", ACTIONS)
def test_a_post_without_a_valid_token_changes_nothing(
    flower: Browser, watched_store: Store, action: str
) -> None:
    job_id = make_job(watched_store)
    flower.get("/jobs")
    for data in ({}, {"_xsrf": "guessed"}):
        refused = flower.ask("POST", f"/jobs/{job_id}/{action}", data=data)
        assert refused.status_code == 403
        assert "came from another site" in refused.text
    assert _state(watched_store, job_id) == JobState.QUEUED


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_post_from_another_site_changes_nothing(
    flower: Browser, watched_store: Store, headers: dict[str, str]
) -> None:
    job_id = make_job(watched_store)
    assert flower.press("cancel", job_id, headers=headers).status_code == 403
    assert _state(watched_store, job_id) == JobState.QUEUED
    assert flower.press("cancel", job_id, headers={"Origin": flower.url}).status_code == 303


@pytest.mark.parametrize("action", ACTIONS)
def test_a_get_of_an_action_changes_nothing(flower: Browser, watched_store: Store, action: str) -> None:
    job_id = make_job(watched_store)
    assert flower.get(f"/jobs/{job_id}/{action}").status_code == 405
    assert _state(watched_store, job_id) == JobState.QUEUED


@pytest.mark.parametrize("action", ACTIONS)
def test_a_read_only_flower_refuses_actions_and_says_so(
    read_only: Browser, watched_store: Store, action: str
) -> None:
    job_id = make_job(watched_store)
    refused = read_only.press(action, job_id)
    assert refused.status_code == 403
    assert "This Flower is read-only. Use the command line: qwenq cancel" in refused.text
    assert _state(watched_store, job_id) == JobState.QUEUED


def test_an_action_that_the_state_forbids_is_refused_with_the_reason(
    flower: Browser, watched_store: Store
) -> None:
    job_id = make_job(watched_store)
    refused = flower.press("resume", job_id)
    assert refused.status_code == 409
    assert f"{job_id}" in refused.text
    assert "paused" in refused.text
    assert flower.press("cancel", 10**9).status_code == 404


def test_a_job_resumes_while_the_broker_is_away(watched: Settings, watched_store: Store) -> None:
    job_id = make_job(watched_store)
    with running_monitor(watched.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"})) as browser:
        browser.press("pause", job_id)
        browser.get("/jobs")
        assert browser.press("resume", job_id).status_code == 303
        assert "once it is back" in _notice(browser)
    assert _state(watched_store, job_id) == JobState.QUEUED
