"""The page of all jobs: rows, filters and paging, on both databases."""

import html
import re
import time
from contextlib import suppress

import psutil
import pytest
from sqlalchemy import column, insert, literal, select, text, update

from qwenq.monitor.pages.jobs import PAGE_JOBS
from qwenq.schemas.jobs import JobFilter, JobOrder
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import jobs
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_statuses
from tests.builders import answer, answer_all, claim_first, failure, finish, make_job, make_worker
from tests.monitors import Browser, running_monitor

LIVE = {"HX-Request": "true"}
PAGE_SECONDS = 0.2


def _rename(store: Store, job_id: int, **values: object) -> None:
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))


def _shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<tr id="job-(\d+)"', page)]


def _row(page: str, job_id: int) -> str:
    found = re.search(rf'<tr id="job-{job_id}".*?</tr>', page, re.DOTALL)
    assert found
    return found[0]


def _cell(row: str, name: str) -> str:
    found = re.search(rf'data-label="{name}".*?</td>', row, re.DOTALL)
    assert found
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", found[0].partition(">")[2])).split())


def test_a_store_without_jobs_shows_how_to_submit_one(flower: Browser) -> None:
    page = html.unescape(flower.get("/jobs").text)
    assert "No job yet" in page
    assert "qwenq submit documents.jsonl --model Qwen/Qwen3-0.6B --prompt 'Summarise: {{ text }}'" in page
    assert "qwenq worker --model Qwen/Qwen3-0.6B" in page


def test_the_example_of_submit_uses_the_model_of_a_live_worker(settings: Settings, store: Store) -> None:
    make_worker(store, model="models/a tiny one")
    with running_monitor(settings) as flower:
        page = html.unescape(flower.get("/jobs").text)
    assert "qwenq submit documents.jsonl --model 'models/a tiny one' --prompt" in page
    assert "Start a worker to answer them" not in page


def test_a_row_shows_state_progress_speed_and_age_of_a_job(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=8, chunk_documents=4)
    worker = make_worker(watched_store)
    claim = claim_first(watched_store, job_id, worker)
    assert claim is not None
    finish(watched_store, claim, [answer(0), answer(1), answer(2), failure(3)])
    row = _row(flower.get("/jobs").text, job_id)
    assert _cell(row, "State") == "running"
    assert '<progress class="bar-running" max="100" value="50"' in row
    assert _cell(row, "Done") == "4 of 8"
    assert _cell(row, "Failed") == "1"
    assert float(_cell(row, "Tokens/s").replace(",", "")) > 0
    assert re.fullmatch(r"\d+ s", _cell(row, "Time left"))
    assert _cell(row, "Model") == "echo"
    assert re.fullmatch(r"\d+ (s|min)", _cell(row, "Age"))


def test_the_live_part_of_the_jobs_page_shows_the_same_jobs(flower: Browser, watched_store: Store) -> None:
    make_job(watched_store)
    page, live = flower.get("/jobs").text, flower.get("/jobs", headers=LIVE).text
    assert "<html" not in live
    assert _shown(live) == _shown(page)
    assert 'hx-get="/jobs" hx-trigger="every 2s"' in page


def test_markup_in_names_and_models_is_shown_as_text(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store)
    nasty = "<script>alert(1)</script>\"'><b>&amp;"
    _rename(watched_store, job_id, name=nasty, model=nasty, submitter=nasty)
    for page in (flower.get("/jobs").text, flower.get("/jobs", params={"name": nasty, "model": nasty}).text):
        assert job_id in _shown(page)
        assert "<script>alert" not in page
        assert "<b>" not in page
    row = _row(page, job_id)
    assert _cell(row, "Model") == _cell(row, "Submitter") == nasty
    _rename(watched_store, job_id, name="x", model="echo")


def test_control_characters_in_names_are_shown_as_such(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store)
    _rename(watched_store, job_id, name="cod\u202egnp.exe", submitter="an\u200fna\x1b[31m")
    for path in ("/jobs", f"/jobs/{job_id}"):
        page = flower.get(path).text
        assert "cod\\u202egnp.exe" in page
        assert "an\\u200fna\N{SYMBOL FOR ESCAPE}[31m" in page
        assert not {"\u202e", "\u200f", "\x1b"} & set(page)
    found = flower.get("/jobs", params={"name": "cod\u202e"}).text
    assert job_id in _shown(found)
    assert 'value="cod\u202e"' in found, "the form would look for another name"


def test_the_address_holds_the_filters_of_jobs(flower: Browser, watched_store: Store) -> None:
    worker = make_worker(watched_store)
    done, waiting, other = (make_job(watched_store) for _ in range(3))
    answer_all(watched_store, done, worker)
    _rename(watched_store, done, name="Contracts of 100 % x_y")
    _rename(watched_store, waiting, name="contracts")
    _rename(watched_store, other, name="invoices", model="Qwen/Other")
    found = {
        query: set(_shown(flower.get(f"/jobs?{query}").text)) & {done, waiting, other}
        for query in ("name=CONTRACTS", "name=100+%25+x_y", "name=x%25y", "model=Qwen%2FOther", "state=completed",
                      "state=queued&name=contracts", "state=paused")
    }  # fmt: skip
    assert found == {
        "name=CONTRACTS": {done, waiting},
        "name=100+%25+x_y": {done},
        "name=x%25y": set(),
        "model=Qwen%2FOther": {other},
        "state=completed": {done},
        "state=queued&name=contracts": {waiting},
        "state=paused": set(),
    }
    page = flower.get("/jobs?state=queued&model=echo&name=contracts").text
    assert "<option selected>queued</option>" in page
    assert "<option selected>echo</option>" in page
    assert 'value="contracts"' in page
    assert 'hx-get="/jobs?state=queued&amp;model=echo&amp;name=contracts"' in page
    assert "No job matches" in flower.get("/jobs?name=nothing-like-it").text


@pytest.mark.parametrize(
    "query", ["state=nonsense", "order=age", "after=x", "after=-1", "after=99999999999999999999"]
)
def test_an_invalid_filter_of_jobs_is_refused_with_a_sentence(flower: Browser, query: str) -> None:
    answered = flower.get(f"/jobs?{query}")
    assert answered.status_code == 400
    assert "Traceback" not in answered.text
    assert re.search(
        r'class="trouble">(There is no (state nonsense|order age)|<code>after</code> must be)', answered.text
    )


def test_a_hundred_thousand_jobs_are_paged_quickly(flower: Browser, watched_store: Store) -> None:
    for _ in range(PAGE_JOBS):
        make_job(watched_store, documents=1)
    _make_many(watched_store, 100_000)
    seen: list[int] = []
    address = "/jobs?name=many"
    for _ in range(3):
        page = flower.get(address).text
        seen += _shown(page)
        older = re.search(r'href="([^"]*)" rel="next"', page)
        assert older
        address = html.unescape(older[1])
    assert len(seen) == 150
    assert seen == list(range(seen[0], seen[0] - 150, -1))
    for path in (
        "/jobs",
        address,
        "/jobs?state=queued",
        "/jobs?model=none",
        "/jobs?order=oldest",
        "/jobs?order=finished",
    ):
        assert _seconds(flower, watched_store, path) < PAGE_SECONDS, path
    # No name matches, so every name is compared.
    assert _seconds(flower, watched_store, "/jobs?name=nothing-like-it") < 5 * PAGE_SECONDS


@pytest.mark.parametrize(("order", "places"), [("newest", [2, 1, 0]), ("oldest", [0, 1, 2]), ("finished", [0, 2]),
                                              ("name", [1, 2, 0])])  # fmt: skip
def test_jobs_are_listed_and_paged_in_the_order_of_the_address(
    watched_store: Store, order: str, places: list[int]
) -> None:
    model = f"model of {order}"
    made = [make_job(watched_store, documents=1) for _ in range(3)]
    worker = make_worker(watched_store)
    for place in (2, 0):
        answer_all(watched_store, made[place], worker)
    for job_id, name in zip(made, ("c", "A", "b"), strict=True):
        _rename(watched_store, job_id, name=name, model=model)
    found: list[int] = []
    with watched_store.reading() as connection:
        for _ in places:
            after = found[-1] if found else None
            found += [
                job.id for job in job_statuses(connection, 1, JobFilter(model=model), JobOrder(order), after)
            ]
        assert job_statuses(connection, 1, JobFilter(model=model), JobOrder(order), found[-1]) == []
    assert found == [made[place] for place in places]


def test_jobs_are_counted_by_state_with_a_link_to_each(settings: Settings, store: Store) -> None:
    done, *_ = (make_job(store, documents=1) for _ in range(3))
    answer_all(store, done, make_worker(store))
    with running_monitor(settings) as flower:
        page = flower.get("/jobs?state=queued").text
        named = flower.get("/jobs?name=job").text
    counts = r'href="([^"]*)"[^>]*>([\d,]+ \w+)</a>'
    assert re.findall(counts, page) == [
        ("/jobs?state=queued", "2 queued"),
        ("/jobs?state=completed", "1 completed"),
    ]
    assert re.findall(counts, named) == [], "counts of all jobs beside some of them"


def _seconds(flower: Browser, store: Store, path: str) -> float:
    """The least processor time of a few requests, in Flower and in the database; the clock would tell the load too."""

    def once() -> float:
        began = _processor_seconds(store)
        assert flower.get(path).status_code == 200
        return _processor_seconds(store) - began

    return min(once() for _ in range(3))


def _processor_seconds(store: Store) -> float:
    """What this process, in which Flower runs, and its connections' processes in PostgreSQL have used so far."""
    used = time.process_time()
    if store.dialect == "sqlite":
        return used
    with store.reading() as connection:
        own = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        pids = connection.execute(text(own)).scalars().all()
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            used += times.user + times.system
    return used


def _make_many(store: Store, count: int) -> None:
    """Copies of one job."""
    first = make_job(store)
    _rename(store, first, name="many jobs of a fleet")
    copied = [column for column in jobs.c if column.name != "id"]
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) SELECT i FROM n"
        if store.dialect == "sqlite"
        else "SELECT i FROM generate_series(1, :count) AS n(i)"
    )
    times = text(numbers).bindparams(count=count - 1).columns(column("i")).subquery("times")
    with store.writing() as connection:
        copies = select(*copied).join_from(jobs, times, literal(value=True)).where(jobs.c.id == first)
        connection.execute(insert(jobs).from_select([one.name for one in copied], copies))


def test_jobs_are_listed_while_text_is_hidden(watched: Settings, watched_store: Store) -> None:
    make_job(watched_store)
    with running_monitor(watched.model_copy(update={"show_text": False})) as browser:
        assert _shown(browser.get("/jobs").text)


def test_a_job_without_a_live_worker_shows_the_command_that_starts_one(
    flower: Browser, watched_store: Store
) -> None:
    job_id = make_job(watched_store, model="nobody's; rm x")
    command = "qwenq worker --model 'nobody'\"'\"'s; rm x'"
    pages = (f"/jobs/{job_id}", "/jobs")
    for page in pages:
        shown = html.unescape(flower.get(page).text)
        assert "no worker has the model nobody's; rm x; start one with" in shown, page
        assert command in shown, page
    make_worker(watched_store, model="nobody's; rm x")
    for page in pages:
        assert command not in html.unescape(flower.get(page).text), page


def test_jobs_show_their_tenants_and_are_filtered_by_them(flower: Browser, watched_store: Store) -> None:
    own, other = make_job(watched_store), make_job(watched_store)
    assert 'name="tenant"' not in flower.get("/jobs").text, "all jobs are the command line's"
    _rename(watched_store, other, tenant="acme")
    page = flower.get("/jobs").text
    assert [_cell(_row(page, job_id), "Tenant") for job_id in (own, other)] == ["local", "acme"]
    assert _shown(flower.get("/jobs?tenant=acme").text) == [other]
    assert _shown(flower.get("/jobs?tenant=nobody").text) == []
    assert "<dt>Tenant</dt><dd>acme</dd>" in flower.get(f"/jobs/{other}").text
