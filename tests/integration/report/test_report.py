"""`qwenq report` and `qwenq results` as commands, on both databases."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from qwenq.embedded.session import environment_of
from qwenq.producer.planning import ChunkPlanner
from qwenq.report.facts import ReportOptions, Section
from qwenq.report.gathering import gather_report
from qwenq.report.page import render_page
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.results import FinishReason
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.life import jobs
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import queue_job
from qwenq.store.outcomes.batches import insert_batches
from tests.builders import (
    MODEL,
    answer,
    answer_all,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    row,
)
from tests.commands import qwenq_here

HOSTILE = "<script>alert('x')</script>\u202e</pre>&"
SHOWN = HOSTILE.replace("\u202e", "\\u202e")
INLINE = {"bdi", "strong", "code"}
SCHEMA = '{"type": "object", "properties": {"total": {"type": "integer"}, "text": {"type": "string"}}}'


class _Page(HTMLParser):
    """The text of a page, and its tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.text += "" if tag in INLINE else " "

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture
def home(settings: Settings) -> Mapping[str, str]:
    """Environment variables that name the test's store."""
    return dict(environment_of(settings))


def structured_job(store: Store) -> int:
    """A job with a schema and hostile text everywhere: an answer, a reused answer, a failure, a bad row."""
    params = GenerationParams().overlaid(
        {"response_format": {"type": "json_schema", "json_schema": {"schema": json.loads(SCHEMA)}}}
    )
    spec = JobSpec(
        model=MODEL,
        name=HOSTILE,
        prompt=PromptSpec(
            template=f"Read {HOSTILE}: {{{{ text }}}}", system=HOSTILE, merge=f"Merge {HOSTILE}"
        ),
        params=params,
        sources=(f"{HOSTILE}.csv",),
    )
    content: list[Row] = [
        row(0, HOSTILE, json.dumps({"text": f"document {HOSTILE}"})),
        row(1),
        row(2),
        BadRow(0, 4, HOSTILE, f"not JSON {HOSTILE}"),
    ]
    planner = ChunkPlanner(4, tokens=10**9)
    with store.writing() as connection:
        job_id = jobs.create_job(connection, spec)
        rejected = insert_rows(connection, job_id, 0, content, spec.sources)
        insert_chunks(connection, job_id, [*planner.add(content, set(rejected)), *planner.finish()])
        queue_job(connection, job_id)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.writing() as connection:
        insert_batches(connection, claim, MODEL, [BatchMetrics(1, 40, 48, 20, 7.2, 1_000, 2_000)])
    finish(
        store,
        claim,
        [
            replace(
                answer(0, json.dumps({"total": 7, "text": HOSTILE})),
                finish_reason=FinishReason.LENGTH,
                seconds=2.5,
            ),
            replace(answer(1, '{"total": 8, "text": "b"}'), reused_from=job_id),
            failure(2, "too_long", f"much too long {HOSTILE}"),
        ],
    )
    return job_id


def test_a_report_is_one_self_contained_page(store: Store, home: Mapping[str, str], tmp_path: Path) -> None:
    job_id = structured_job(store)
    ran = qwenq_here(
        "report", str(job_id), "-o", "new/report.html", "--gpu-hour-price", "500", "--currency", "EUR",
        cwd=tmp_path, env=home,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    html = (tmp_path / "new" / "report.html").read_text("utf-8")
    page = _Page(html)
    assert page.all("script", "link", "img", "iframe", "object", "base", "form") == []
    assert not [
        value for _, attributes in page.tags for name, value in attributes.items() if name.startswith("on")
    ]
    assert not re.search(r"(?:src|href|url)\s*[=(]", html)
    policy = [
        one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy[0] is not None
    assert "default-src 'none'" in policy[0]
    for text in (
        f"Job {job_id} is completed",
        f"document {SHOWN}",
        f"Read {SHOWN}",
        f"Merge {SHOWN}",
        f"much too long {SHOWN}",
        "invalid_row: 1 document",
        "too_long: 1 document",
        "Time on cpu 7 s on 1 worker",
        "1.00 EUR, at 500.00 EUR an hour of one device; 500.00 EUR for a thousand answered",
        "Of these, reused 1",
        "Of these, cut off 1",
    ):
        assert text in page.text, text


def test_a_report_tells_why_answers_are_empty(store: Store) -> None:
    job_id = structured_job(store)
    with store.reading() as connection:
        report = gather_report(connection, job_id, ReportOptions())
    assert report is not None
    told = {"cut": 3, "empty": 4, "reasoning_cut": 2, "reasoning_ended": 1}
    job = report.job.model_copy(update={"documents": report.job.documents.model_copy(update=told)})
    page = _Page(render_page(report.model_copy(update={"job": job})))
    for text in (
        "Of these, cut off 1: ended",
        "Of these, empty 4: look at",
        "Of the empty, reasoning cut 2: raise --max-new-tokens",
        "Of the empty, ended in reasoning 1: try --sampling card",
    ):
        assert text in page.text, text


def test_each_plot_of_a_report_has_a_sentence_and_a_table(store: Store) -> None:
    job_id = structured_job(store)
    with store.reading() as connection:
        report = gather_report(connection, job_id, ReportOptions())
    assert report is not None
    page = _Page(render_page(report))
    labels = [svg["aria-label"] or "" for svg in page.all("svg")]
    assert [label.partition(".")[0] for label in labels] == [
        "Answer lengths", "Prompt lengths", "Response times", "Throughput",
    ]  # fmt: skip
    assert all(svg["role"] == "img" for svg in page.all("svg"))
    assert "1 answer, on average 2.5 seconds, at most 2.5; the median is 2-2.5" in page.text
    assert len(page.all("table")) == len(labels)


@pytest.mark.parametrize("hidden", ["--samples=0", "QWENQ_SHOW_TEXT=false"])
def test_a_report_hides_text_when_asked(
    store: Store, home: Mapping[str, str], tmp_path: Path, hidden: str
) -> None:
    job_id = structured_job(store)
    name, _, value = hidden.partition("=")
    more, env = ((hidden,), home) if name.startswith("--") else ((), {**home, name: value})
    ran = qwenq_here("report", str(job_id), "-o", "r.html", "--json", *more, cwd=tmp_path, env=env)
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert (report["samples"], report["asked"]["prompt"]) == ([], None)
    for said in (_Page((tmp_path / "r.html").read_text("utf-8")).text, ran.stdout):
        for text in ("document <script>", "much too long", "Read <script>", "properties", "not JSON"):
            assert text not in said
        assert "too_long" in said
        assert name.startswith("--") or HOSTILE not in said, "names of the job, its files and documents"


def test_a_report_as_json_has_the_numbers(store: Store, home: Mapping[str, str], tmp_path: Path) -> None:
    job_id = structured_job(store)
    ran = qwenq_here("report", str(job_id), "--json", "--samples", "1", cwd=tmp_path, env=home)
    assert (ran.returncode, ran.stderr) == (0, "")
    report = json.loads(ran.stdout)
    assert report["job"]["documents"]["succeeded"] == 2
    assert (report["device_seconds"], report["cost"]) == (7.2, None)
    assert [(group["code"], group["documents"]) for group in report["failures"]] == [
        ("invalid_row", 1), ("too_long", 1),
    ]  # fmt: skip
    assert report["distributions"]["seconds"]["bars"] == [{"first": 2.0, "end": 3.0, "count": 1}]
    (sample,) = report["samples"]
    assert (sample["custom_id"], sample["document"]["text"]) == (HOSTILE, f"document {HOSTILE}")


def test_samples_are_spread_over_the_input_without_repeats(store: Store) -> None:
    job_id = make_job(store, documents=100, chunk_documents=100)
    answer_all(store, job_id, make_worker(store))
    few = make_job(store, documents=3)
    answer_all(store, few, make_worker(store))
    with store.reading() as connection:
        spread = gather_report(connection, job_id, ReportOptions(samples=4))
        all_there_are = gather_report(connection, few, ReportOptions(samples=9))
    assert spread is not None
    assert all_there_are is not None
    assert [sample.custom_id for sample in spread.samples] == ["d0", "d25", "d50", "d75"]
    assert [sample.custom_id for sample in all_there_are.samples] == ["d0", "d1", "d2"]


def test_a_report_of_a_queued_job_shows_its_present_state(
    store: Store, home: Mapping[str, str], tmp_path: Path
) -> None:
    job_id = make_job(store, documents=3)
    ran = qwenq_here("report", str(job_id), "-o", "r.html", cwd=tmp_path, env=home)
    assert ran.returncode == 0, ran.stderr
    assert "is queued: the report shows it as it is now" in ran.stderr
    text = _Page((tmp_path / "r.html").read_text("utf-8")).text
    assert "remaining: 3 documents" in text
    assert "Nothing was generated for this job yet." in text


def test_an_additional_section_is_on_the_page(store: Store) -> None:
    job_id = make_job(store)
    section = Section(
        title="Since the last run", facts={"New documents": f"50 {HOSTILE}"}, note="The run of Monday."
    )
    with store.reading() as connection:
        report = gather_report(connection, job_id, ReportOptions(), [section])
    assert report is not None
    assert (
        f"Since the last run New documents 50 {SHOWN} The run of Monday." in _Page(render_page(report)).text
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("7", "-o", "r.html"), "There is no job 7 in"),
        (("1",), "say where to write the page"),
        (("1", "-o", "r.pdf"), "r.pdf cannot be written: its name must end in .html"),
        (("1", "-o", "taken.html"), "taken.html cannot be written: it exists and is not a file"),
        (("1", "--json", "--gpu-hour-price", "nan"), "--gpu-hour-price: it must be a number"),
        (("1", "--json", "--gpu-hour-price", "-1"), "-1"),
        (("1", "--json", "--samples", "101"), "101"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_impossible_report_is_refused(
    store: Store, home: Mapping[str, str], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    make_job(store)
    (tmp_path / "taken.html").mkdir()
    ran = qwenq_here("report", *words, cwd=tmp_path, env=home)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_parquet_results_have_the_columns_of_the_schema_of_the_job(
    store: Store, home: Mapping[str, str], tmp_path: Path
) -> None:
    job_id = structured_job(store)
    ran = qwenq_here(
        "results", str(job_id), "-o", "out.parquet", "--errors", "why.parquet", cwd=tmp_path, env=home
    )
    assert ran.returncode == 0, ran.stderr
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(one["custom_id"], one["total"], one["answer.text"]) for one in rows] == [
        (HOSTILE, 7, HOSTILE), ("d1", 8, "b"),
    ]  # fmt: skip
    assert [one["code"] for one in pq.read_table(tmp_path / "why.parquet").to_pylist()] == [
        "too_long",
        "invalid_row",
    ]
