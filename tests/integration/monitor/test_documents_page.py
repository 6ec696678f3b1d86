"""The page of a job's documents, the page of one, and the report."""

import html
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from qwenq.monitor.documents import found
from qwenq.monitor.documents.found import PAGE_DOCUMENTS
from qwenq.schemas.results import FinishReason
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.views.answers import searching
from tests.builders import (
    answer,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    row,
    store_job,
)
from tests.monitors import Browser


@pytest.fixture(scope="module")
def watched(home: Path, sqlite_template: Path) -> Settings:
    """One kind of store is enough: the search is tested on both."""
    return Settings(home=home, database_url=f"sqlite:///{shutil.copy(sqlite_template, home / 'found.db')}")


def _found(page: str) -> list[int]:
    return [int(seq) for seq in re.findall(r'<tr id="document-(\d+)"', page)]


def _words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.fixture(scope="module")
def job(watched_store: Store) -> int:
    """A job with a cut answer, a failure and an answer."""
    job_id = store_job(watched_store, [row(0), row(1), row(2)])
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store))
    cut = replace(answer(0, "<b>cut</b>"), finish_reason=FinishReason.LENGTH)
    finish(watched_store, claim, [cut, failure(1), answer(2)])
    return job_id


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", [0, 1, 2]), ("?kind=cut", [0]), ("?code=too_long", [1]), ("?answer=ANSWER&state=succeeded", [2]),
     ("?id=d1", [1]), ("?text=document+2", [2]), ("?text=nothing+like+it", [])],
)  # fmt: skip
def test_the_address_selects_documents(flower: Browser, job: int, query: str, expected: list[int]) -> None:
    page = flower.get(f"/jobs/{job}/documents{query}").text
    assert _found(page) == expected
    assert expected or "No document matches." in page
    assert "<b>cut" not in page


@pytest.mark.parametrize("query", ["state=done", "kind=long", "after=x"])
def test_an_invalid_search_is_refused_by_name(flower: Browser, job: int, query: str) -> None:
    refused = flower.get(f"/jobs/{job}/documents?{query}")
    assert refused.status_code == 400
    assert query.partition("=")[0] in _words(refused.text)
    assert f'href="/jobs/{job}">Back to job {job}</a>' in refused.text


def test_pages_of_documents_follow_each_other(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=PAGE_DOCUMENTS + 3)
    first = flower.get(f"/jobs/{job_id}/documents?text=document").text
    more = re.search(r'rel="next" href="([^"]*)">More documents<', first)
    assert more
    second = flower.get(html.unescape(more[1])).text
    assert _found(first) + _found(second) == list(range(PAGE_DOCUMENTS + 3))


def test_a_search_that_ends_early_says_where_and_goes_on(
    flower: Browser, watched_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = make_job(watched_store, documents=30)
    monkeypatch.setattr(searching, "PIECE_DOCUMENTS", 10)
    monkeypatch.setattr(found, "SEARCH_SECONDS", 0.0)
    page = flower.get(f"/jobs/{job_id}/documents?text=document+29").text
    assert "The search ended after a second, at document 10 of 30." in _words(page)
    assert f'href="/jobs/{job_id}/documents?text=document+29&amp;after=9">Search on<' in page


def test_the_page_of_a_document_shows_its_prompt_and_that_its_answer_was_cut(
    flower: Browser, job: int
) -> None:
    page = _words(flower.get(f"/jobs/{job}/documents/0").text)
    assert "Prompt user document 0 Answer The answer was cut off at the limit of tokens." in page


def test_the_page_of_a_job_leads_to_its_documents_and_its_report(flower: Browser, job: int) -> None:
    page = flower.get(f"/jobs/{job}").text
    for address in (
        "documents",
        "documents?kind=cut",
        "documents?code=too_long",
        "documents?state=failed",
        "report",
    ):
        assert f'href="/jobs/{job}/{address}"' in page, address
        assert flower.get(f"/jobs/{job}/{address}").status_code == 200, address


def test_a_report_allows_its_own_style_and_no_script(flower: Browser, job: int) -> None:
    policy = flower.get(f"/jobs/{job}/report").headers["Content-Security-Policy"]
    assert re.search(r"style-src 'sha256-[\w+/=]+';", policy)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
