"""No page breaks a rule of accessibility that axe knows, such as a contrast of 4.5, in light and in dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from qwenq.store.database.store import Store
from qwenq.store.life.claims import claim_chunk
from tests.builders import LEASE, chunks_of, failure, finish, make_job, make_worker
from tests.monitors import Browser
from tests.services import Jobs
from tests.waiting import eventually

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
NOBODYS = "a-model-without-a-worker"
# Flower's tables request their rows after the page has loaded.
_FILLED_LATER = {"/workers", "/tasks"}


@pytest.fixture(scope="module")
def paths(jobs: Jobs, store: Store, flower: Browser, schedule: str) -> list[str]:
    """Each kind of page, with jobs that completed, failed, wait and are paused."""
    done = jobs.submit([f"document {place}" for place in range(20)], model="echo").job_id
    jobs.wait_until_ended(done)
    broken = make_job(store, documents=12, model=NOBODYS)
    worker = make_worker(store, model="models/" + "long-name-" * 6)
    with store.writing() as connection:
        claim = claim_chunk(connection, chunks_of(store, broken)[0], NOBODYS, worker, LEASE)
    assert claim is not None
    finish(store, claim, [failure(seq) for seq in range(4)])
    make_job(store, model=NOBODYS)
    workers = eventually(lambda: list(flower.monitor.workers), "Flower knows the worker")
    tasks = eventually(
        lambda: [key for key, _ in flower.monitor.events.state.itertasks()], "Flower knows a task"
    )
    return [
        "/jobs", f"/jobs/{done}", f"/jobs/{broken}", f"/jobs/{broken}/documents",
        f"/jobs/{done}/documents?text=document", f"/jobs/{done}/documents/0", f"/jobs/{broken}/documents/0",
        f"/jobs/{done}/report", "/fleet", "/help", "/workers", f"/worker/{workers[0]}", "/tasks",
        f"/task/{tasks[0]}", "/broker", "/schedules", schedule,
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(page: Page, paths: list[str], scheme: str) -> None:
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
    found = {}
    for path in paths:
        page.goto(path, wait_until="networkidle" if path in _FILLED_LATER else "load")
        looked = Axe().run(page, options=RULES).response
        assert "color-contrast" in {rule["id"] for rule in looked["passes"]}, path
        broken = looked["violations"]
        if broken:
            found[path] = [
                (rule["id"], node["html"][:160], node["any"][0]["message"] if node["any"] else "")
                for rule in broken
                for node in rule["nodes"][:3]
            ]
    assert found == {}
