"""A job's page: its parts, its pages of chunks and answers, and what it hides."""

import html
import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from qwenq.monitor.pages.job_parts import PAGE_ANSWERS, PAGE_CHUNKS, PARTS
from qwenq.monitor.pages.page import STOP_POLLING
from qwenq.producer.planning import ChunkPlanner
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import jobs
from qwenq.store.database.store import Store
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import queue_job
from qwenq.store.life.jobs import create_job
from qwenq.store.outcomes.batches import insert_batches
from tests.builders import (
    MODEL,
    answer,
    answer_all,
    answers,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    row,
    store_job,
    write,
)  # fmt: skip
from tests.monitors import Browser, running_monitor

LIVE = {"HX-Request": "true"}
SCRIPT = "<script>alert('%s')</script>"
MEASURED = BatchMetrics(
    rows=4, prompt_tokens=8, padded_tokens=10, new_tokens=100, seconds=1, resident_bytes=1, gpu_peak_bytes=0
)


def _part(flower: Browser, job_id: int, name: str) -> str:
    return flower.get(f"/jobs/{job_id}?part={name}", headers=LIVE).text


def _words(part: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", part)).split())


def _follow(flower: Browser, path: str, row: str, link: str) -> list[int]:
    """The ids of the rows on a page, and on all pages that its link leads to."""
    found: list[int] = []
    while path:
        page = flower.get(path).text
        found += map(int, re.findall(rf'id="{row}-(\d+)"', page))
        more = re.search(rf'href="([^"#]*)[^"]*">{link}<', page)
        path = html.unescape(more[1]) if more else ""
    return found


def test_the_page_of_a_job_shows_progress_counts_and_details(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=8)
    finish(
        watched_store,
        claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store)),
        [Outcome(0, "", FinishReason.LENGTH, Usage(), "Let me"), answer(1), answer(2), answer(3)],
    )
    page = flower.get(f"/jobs/{job_id}").text
    summary = _words(_part(flower, job_id, "summary"))
    assert "running 50 % 50 %" in summary
    assert "documents 8 pending 4 running 0 succeeded 4 failed 0" in summary
    assert "cut 1 empty 1 reasoning cut 1 Speed" in summary
    assert "1 answer is empty: the reasoning was cut at the limit of tokens" in summary
    assert "Model echo" in _words(page)
    assert "Priority normal Input in.jsonl" in _words(page)
    assert "the column text as it is" in page


def test_a_job_has_the_buttons_that_its_state_allows(flower: Browser, watched_store: Store) -> None:
    waiting, done = make_job(watched_store), make_job(watched_store)
    answer_all(watched_store, done, make_worker(watched_store))
    broken, bad = make_job(watched_store, documents=1), make_job(watched_store, documents=2, bad={1})
    answer_all(watched_store, bad, make_worker(watched_store))
    claim = claim_one(watched_store, chunks_of(watched_store, broken)[0], make_worker(watched_store))
    finish(watched_store, claim, [failure(0)])
    offered = [
        re.findall(r'action="[^"]*/(\w+)"', flower.get(f"/jobs/{job}").text)
        for job in (waiting, done, broken, bad)
    ]
    assert offered == [["pause", "cancel"], [], ["retry"], []], "bad rows cannot run again"


def test_the_page_of_a_job_polls_until_the_job_has_ended(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=4)
    assert set(re.findall(r"part=(\w+)", flower.get(f"/jobs/{job_id}").text)) == PARTS.keys() - {"asked"}
    assert all(_status(flower, job_id, part) == 200 for part in PARTS)
    answer_all(watched_store, job_id, make_worker(watched_store))
    assert all(_status(flower, job_id, part) == STOP_POLLING for part in PARTS)
    assert "hx-get" not in flower.get(f"/jobs/{job_id}").text


def _status(flower: Browser, job_id: int, part: str) -> int:
    return flower.get(f"/jobs/{job_id}?part={part}", headers=LIVE).status_code


def test_progress_and_speed_of_a_job_are_plots_sentences_and_tables(
    flower: Browser, watched_store: Store
) -> None:
    job_id = make_job(watched_store, documents=8)
    assert "No worker has started this job yet." in _part(flower, job_id, "plots")
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store))
    with watched_store.writing() as connection:
        insert_batches(connection, claim, MODEL, [MEASURED])
    finish(watched_store, claim)
    part = _part(flower, job_id, "plots")
    drawn = [json.loads(html.unescape(data)) for data in re.findall(r'data-plot="([^"]*)"', part)]
    assert [(plot["values"][-1], plot["top"]) for plot in drawn] == [(4, 8), (None, None)]
    assert all(len(plot["times"]) == len(plot["values"]) >= 2 for plot in drawn)
    assert "Progress 4 of 8 documents in" in _words(part)
    assert part.count("<table") == 2


def test_failures_are_grouped_by_code_with_messages_and_documents(
    flower: Browser, watched_store: Store
) -> None:
    job_id = make_job(watched_store, documents=5, chunk_documents=5)
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store))
    finish(
        watched_store, claim, [answer(0), *(failure(seq) for seq in (1, 2, 3)), failure(4, "poison", "twice")]
    )
    failures = _words(_part(flower, job_id, "failures"))
    assert "too_long 3 documents much too long d1 (in.jsonl:2), d2 (in.jsonl:3), d3 (in.jsonl:4)" in failures
    assert "poison 1 document twice d4 (in.jsonl:5)" in failures
    assert f'href="/jobs/{job_id}/documents/4"' in _part(flower, job_id, "failures")


def test_paging_reaches_all_answers(flower: Browser, watched_store: Store) -> None:
    count = 2 * PAGE_ANSWERS + 1
    job_id = make_job(watched_store, documents=count, chunk_documents=count)
    answer_all(watched_store, job_id, make_worker(watched_store))
    assert _follow(flower, f"/jobs/{job_id}", "answer", "More answers") == list(range(count))
    assert "d3 document 3 answer 3" in _words(_part(flower, job_id, "answers"))


def test_paging_reaches_all_chunks_and_filters_by_state(flower: Browser, watched_store: Store) -> None:
    count = 2 * PAGE_CHUNKS + 1
    job_id = make_job(watched_store, documents=count, chunk_documents=1)
    every = chunks_of(watched_store, job_id)
    claim = claim_one(watched_store, every[-1], make_worker(watched_store, name="w9@there"))
    assert _follow(flower, f"/jobs/{job_id}", "chunk", "More chunks") == every
    running = flower.get(f"/jobs/{job_id}?chunk_state=running").text
    assert re.findall(r'id="chunk-(\d+)"', running) == [str(claim.chunk_id)]
    assert f"{claim.chunk_id} {count}\u2013{count} running w9@there 1 0 0 of 1 0 lease" in _words(running)


def test_long_documents_and_answers_are_cut_with_a_link_to_the_whole(
    flower: Browser, watched_store: Store
) -> None:
    job_id = store_job(watched_store, [row(0, content=json.dumps({"text": "broad " * 1_000}))])
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store))
    finish(watched_store, claim, [answer(0, "tall " * 1_000)])
    part = _part(flower, job_id, "answers")
    assert (part.count("broad"), part.count("tall")) == (100, 120)
    for characters in ("6,000", "5,000"):
        assert part.count(f'<a href="/jobs/{job_id}/documents/0">all {characters} characters</a>') == 1
    whole = flower.get(f"/jobs/{job_id}/documents/0").text
    assert (whole.count("broad"), whole.count("tall")) == (2_000, 1_000), (
        "the document, its prompt, its answer"
    )


def test_markup_anywhere_in_a_job_is_shown_as_text(flower: Browser, watched_store: Store) -> None:
    job_id = _job_of_markup(watched_store)
    addresses = (f"/jobs/{job_id}", *(f"/jobs/{job_id}/documents/{seq}" for seq in (0, 1)))
    pages = "".join(flower.get(address).text for address in addresses)
    assert "<script>alert" not in pages
    for place in ("document", "answer", "job", "message", "prompt", "system", "id", "source", "reasoning"):
        assert html.escape(SCRIPT % place) in pages, place


def _job_of_markup(store: Store) -> int:
    """A job with an answered and a failed document, and markup in every text."""
    rows: list[Row] = [
        Document(f"{place}{SCRIPT % 'id'}", 0, place + 1, json.dumps({"text": SCRIPT % "document"}))
        for place in range(2)
    ]
    prompt = PromptSpec(template=SCRIPT % "prompt", system=SCRIPT % "system")
    sources = (SCRIPT % "source",)
    spec = JobSpec(model=MODEL, name=SCRIPT % "job", sources=sources, prompt=prompt)
    planner = ChunkPlanner(4, tokens=10**9)
    with store.writing() as connection:
        job_id = create_job(connection, spec)
        insert_rows(connection, job_id, 0, rows, sources)
        insert_chunks(connection, job_id, [*planner.add(rows, set()), *planner.finish()])
        queue_job(connection, job_id)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    said = [answer(0, SCRIPT % "answer", SCRIPT % "reasoning"), failure(1, message=SCRIPT % "message")]
    finish(store, claim, said)
    return job_id


@pytest.fixture(scope="module")
def discreet(watched: Settings) -> Iterator[Browser]:
    """A Flower with QWENQ_SHOW_TEXT=false on the same store."""
    with running_monitor(watched.model_copy(update={"show_text": False})) as browser:
        yield browser


def test_an_answer_is_exact_where_an_error_shows_its_control_characters(
    flower: Browser, watched_store: Store
) -> None:
    job_id = make_job(watched_store, documents=2, chunk_documents=2)
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store))
    odd = "\u202eabc\x1b"
    finish(watched_store, claim, [answer(0, odd), failure(1, message=odd)])
    shown = "\\u202eabc\N{SYMBOL FOR ESCAPE}"
    page = flower.get(f"/jobs/{job_id}").text
    assert odd in _part(flower, job_id, "answers")
    assert odd in flower.get(f"/jobs/{job_id}/documents/0").text
    for text in (_part(flower, job_id, "failures"), flower.get(f"/jobs/{job_id}/documents/1").text):
        assert shown in text
        assert odd not in text
    assert page.count(odd) == 1


def test_no_page_of_a_job_shows_text_while_it_is_hidden(discreet: Browser, watched_store: Store) -> None:
    job_id = _job_of_markup(watched_store)
    with watched_store.writing() as connection:
        connection.execute(
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(name="Anna's letters", sources=["anna.jsonl"], idempotency_key=f"anna-{job_id}")
        )
    pages = [discreet.get(f"/jobs/{job_id}")]
    pages += [discreet.get(f"/jobs/{job_id}?part={part}", headers=LIVE) for part in PARTS]
    pages.append(discreet.get(f"/jobs/{job_id}/report"))
    pages.append(discreet.get(f"/jobs/{job_id}/documents?text=letter"))
    pages.append(discreet.get(f"/jobs/{job_id}/documents/0"))
    pages.append(discreet.get("/jobs"))
    for place in ("document", "answer", "message", "prompt", "system", "reasoning", "id"):
        assert not any(f"alert(&#x27;{place}" in page.text for page in pages), place
    assert not any("nna" in page.text for page in pages), "names of jobs and files, and keys"
    assert "QWENQ_SHOW_TEXT is false" in pages[0].text
    for page in pages[-3:-1]:
        assert (page.status_code, "QWENQ_SHOW_TEXT is false" in page.text) == (403, True)
    assert pages[-4].status_code == 200
    assert discreet.get("/jobs?order=name").status_code == 400, "the order would tell hidden names"
    assert discreet.get(f"/jobs/{job_id}?part=answers", headers=LIVE).status_code == 404


@pytest.mark.parametrize(
    "path", ["4711", "4711/documents/0", "4711/documents", "4711/report", f"{10**18 - 1}"]
)
def test_an_unknown_job_is_a_page_that_says_so(flower: Browser, path: str) -> None:
    answer = flower.get(f"/jobs/{path}")
    assert answer.status_code == 404
    assert "There is no job" in answer.text


def test_an_unknown_document_is_a_page_that_says_so(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=1)
    missing = flower.get(f"/jobs/{job_id}/documents/1")
    assert (missing.status_code, "has no such document" in missing.text) == (404, True)


@pytest.mark.parametrize("query", ["chunk_state=lost", "chunks_after=x", "answers_after=-5"])
def test_an_invalid_place_in_a_job_is_refused_by_name(
    flower: Browser, watched_store: Store, query: str
) -> None:
    refused = flower.get(f"/jobs/{make_job(watched_store)}?{query}")
    assert refused.status_code == 400
    assert query.partition("=")[0] in refused.text


def test_documents_of_a_claimed_chunk_count_as_running(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=4)
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store))
    write(watched_store, claim, answers(claim)[:1])
    assert "pending 0 running 3 succeeded 1" in _words(_part(flower, job_id, "summary"))
