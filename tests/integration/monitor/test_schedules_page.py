"""The pages of schedules: the grid of runs, buttons and their protection, what is hidden."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import update

from qwenq.actions.request import JobRequest
from qwenq.schedules import commands
from qwenq.schedules.editing import options_of
from qwenq.schemas.schedules import RunPolicy, ScheduleRun
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.schemas.tables.schedules import schedule_runs
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import begin_run_now
from qwenq.store.views.schedules.schedules import find_schedule
from tests.builders import answer_all, make_job, make_worker
from tests.monitors import Browser, running_monitor


@pytest.fixture(scope="module")
def nightly(watched: Settings, watched_store: Store, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A schedule with a failed run and one that succeeded. Returns its id."""
    folder = tmp_path_factory.mktemp("nightly")
    (folder / "in.jsonl").write_text('{"text": "one"}\n')
    settings = watched.model_copy(update={"model": "echo"})
    request = JobRequest(files=[str(folder / "in.jsonl")], prompt="A secret prompt: {{ text }}")
    policy = RunPolicy(output=str(folder / "{run}.jsonl"), notify=("http://127.0.0.1:9/a-token",))
    schedule = commands.add("nightly", ("0 2 * * *", "UTC"), request, policy, settings).schedule
    job_id = make_job(watched_store)
    answer_all(watched_store, job_id, make_worker(watched_store))
    with watched_store.writing() as connection:
        for state, job in ((RunState.FAILED, None), (RunState.SUCCEEDED, job_id)):
            run_id = begin_run_now(connection, schedule.id, "ann")
            ended = commands.shown(schedule).created_at
            connection.execute(
                update(schedule_runs)
                .where(schedule_runs.c.id == run_id)
                .values(
                    state=state, finished_at=ended, job_id=job, error_message=None if job else "no <input>"
                )
            )
    return schedule.id


def _post(browser: Browser, path: str, **fields: str) -> requests.Response:
    browser.get("/schedules")
    token = browser.session.cookies.get("_xsrf", "")
    return browser.ask("POST", path, data={"_xsrf": token, **fields})


def _runs(settings: Settings) -> list[ScheduleRun]:
    return list(commands.show("nightly", settings).runs)


def test_the_pages_show_a_grid_of_runs_and_what_a_schedule_submits(
    flower: Browser, watched: Settings, nightly: int
) -> None:
    page = flower.get("/schedules").text
    cells = re.findall(r'class="run-cell run-(\w+)" href="/schedules/\d+#run-\d+" title="([^"]*)"', page)
    assert [state for state, _ in cells][:2] == ["failed", "succeeded"]
    assert re.match(r"Run \d+, due 20\d\d-", cells[0][1])
    one = flower.get(f"/schedules/{nightly}").text
    assert "A secret prompt: {{ text }}" in one
    assert "no &lt;input&gt;" in one
    assert f'href="/jobs/{_runs(watched)[0].job_id}"' in one
    assert "a-token" not in page + one
    live = flower.get(f"/schedules/{nightly}", headers={"HX-Request": "true"}).text
    assert "<html" not in live
    assert "Run again" in live
    assert flower.get("/schedules/999999").status_code == 404


def test_the_form_changes_what_differs_and_keeps_hidden_parts_of_urls(
    flower: Browser, watched: Settings, watched_store: Store, nightly: int
) -> None:
    path = f"/schedules/{nightly}"
    mark = _mark(flower, path)
    changed = _post(
        flower, f"{path}/edit", mark=mark, cron=" 0  3 * * *", tz="Europe/Warsaw", max_new_tokens="64",
        sampling="model",
        prompt="A secret {{ kind }}:\r\n{{ text }}", values="kind=prompt", notify="http://127.0.0.1:9/…\r\nhttp://127.0.0.1:8/b",
    )  # fmt: skip
    assert changed.status_code == 303, changed.text
    with watched_store.reading() as connection:
        found = find_schedule(connection, "nightly")
    assert found is not None
    assert (found.cron, found.timezone, found.request.spec.params.max_new_tokens) == (
        "0 3 * * *", "Europe/Warsaw", 64,
    )  # fmt: skip
    assert options_of(found)["sampling"] == "model"
    assert options_of(found)["prompt"] == "A secret {{ kind }}:\n{{ text }}"
    assert options_of(found)["values"] == {"kind": "prompt"}
    assert found.policy.notify == ("http://127.0.0.1:9/a-token", "http://127.0.0.1:8/b")
    late = _post(flower, f"{path}/edit", mark=mark, cron="0 4 * * *")
    assert (late.status_code, "changed meanwhile" in late.text) == (409, True)
    for given, why in (({"cron": "0 3"}, "five"), ({"max_new_tokens": "many"}, "not a number"),
                       ({"sampling": "card"}, "no card is known")):  # fmt: skip
        refused = _post(flower, f"{path}/edit", mark=_mark(flower, path), **given)
        assert (refused.status_code, why in refused.text) == (409, True)
        assert f'href="{path}">Back to schedule {nightly}' in refused.text
    assert commands.show("nightly", watched).schedule == commands.shown(found)


def _mark(browser: Browser, path: str) -> str:
    found = re.search(r'name="mark" value="(\w+)"', browser.get(path).text)
    assert found
    return found[1]


def test_buttons_pause_resume_and_begin_runs(flower: Browser, watched: Settings, nightly: int) -> None:
    path = f"/schedules/{nightly}"

    def state() -> ScheduleState:
        return commands.show("nightly", watched).schedule.state

    assert _post(flower, f"{path}/pause").headers["Location"] == path
    assert state() is ScheduleState.PAUSED
    _post(flower, f"{path}/resume")
    assert state() is ScheduleState.ACTIVE
    before = _runs(watched)
    _post(flower, f"{path}/run")
    _post(flower, f"{path}/runs/{before[0].id}/again")
    again, now = _runs(watched)[:2]
    assert (now.state, now.begun_by, again.repeats_due_at) == (RunState.DUE, "owner", before[0].due_at)
    assert _post(flower, f"{path}/runs/{before[0].id}/deliver").status_code == 303
    assert _runs(watched)[2].deliver_at is not None
    assert _post(flower, f"{path}/runs/{before[1].id}/deliver").status_code == 409, "it has no job"
    assert _post(flower, f"{path}/runs/999999/again").status_code == 409
    assert _post(flower, "/schedules/999999/run").status_code == 404


@pytest.mark.parametrize("action", ["run", "pause", "edit", "runs/1/again", "runs/1/deliver"])
def test_a_post_from_elsewhere_changes_nothing(
    flower: Browser, watched: Settings, nightly: int, action: str
) -> None:
    path, before = f"/schedules/{nightly}/{action}", commands.show("nightly", watched)
    flower.get("/schedules")
    assert flower.ask("POST", path, data={"_xsrf": "guessed"}).status_code == 403
    token = {"_xsrf": flower.session.cookies.get("_xsrf", "")}
    foreign = flower.ask("POST", path, data=token, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert flower.get(path).status_code == 405
    assert commands.show("nightly", watched) == before


@pytest.fixture
def hidden(watched: Settings, nightly: int) -> Iterator[Browser]:
    shown = {"show_text": False, "flower_viewers": SecretStr("vera:viewers-password")}
    with running_monitor(watched.model_copy(update=shown)) as browser:
        yield browser


def test_a_viewer_has_no_buttons_and_sees_no_hidden_text(
    hidden: Browser, watched: Settings, nightly: int, tmp_path: Path
) -> None:
    pages = [
        hidden.get(path, auth=("vera", "viewers-password")).text
        for path in ("/schedules", f"/schedules/{nightly}")
    ]
    for page in pages:
        live = page.partition('id="live"')[2]
        assert "<form" not in live
        assert not {"secret", "in.jsonl", "no &lt;input&gt;"} & set(
            re.findall(r"secret|in\.jsonl|no &lt;input&gt;", page)
        )
        assert "nightly" in page
