"""Downloads of answers and errors: the same files as `qwenq results` writes."""

import csv
import io
import json

import pytest
import requests

from qwenq import api
from qwenq.exporting import RESULT_COLUMNS
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.views.answers import results
from tests.builders import answer, claim_first, failure, finish, make_job, make_worker
from tests.monitors import Browser, running_monitor

MARKUP = "<script>alert(1)</script>,\"'\r\n\N{SNOWMAN}"


@pytest.fixture(scope="module")
def job(watched_store: Store) -> int:
    """Five documents: four answered, one failed, and a bad row."""
    job_id = make_job(watched_store, documents=6, chunk_documents=6, bad=[5])
    claim = claim_first(watched_store, job_id, make_worker(watched_store))
    assert claim is not None
    finish(watched_store, claim, [answer(0, MARKUP), answer(1), answer(2), answer(3), failure(4)])
    return job_id


def test_answers_download_as_jsonl(
    flower: Browser, watched: Settings, job: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = flower.get(f"/jobs/{job}/results.jsonl")
    assert got.headers["Content-Disposition"] == f'attachment; filename="job-{job}-results.jsonl"'
    lines = [json.loads(line) for line in got.text.splitlines()]
    assert lines == [one.model_dump(mode="json") for one in api.results(job, settings=watched)]
    assert [line["text"] for line in lines] == [MARKUP, "answer 1", "answer 2", "answer 3"]


def test_columns_of_the_input_go_along_on_request(flower: Browser, job: int) -> None:
    lines = [
        json.loads(line) for line in flower.get(f"/jobs/{job}/results.jsonl?columns=all").text.splitlines()
    ]
    assert [(line["input.text"], line["text"]) for line in lines[1:]] == [
        (f"document {number}", f"answer {number}") for number in (1, 2, 3)
    ]
    failed = flower.get(f"/jobs/{job}/errors.jsonl?columns=all").text.splitlines()
    assert [json.loads(line).get("text") for line in failed] == ["document 4", None]
    assert f'href="/jobs/{job}/results.jsonl?columns=all"' in flower.get(f"/jobs/{job}").text


def test_answers_download_as_csv(flower: Browser, job: int) -> None:
    got = flower.get(f"/jobs/{job}/results.csv")
    rows = list(csv.reader(io.StringIO(got.content.decode(), newline="")))
    assert rows[0] == list(RESULT_COLUMNS)
    assert [row[:2] for row in rows[1:]] == [["d0", MARKUP], *(["d" + n, f"answer {n}"] for n in "123")]


def test_a_csv_for_spreadsheets_has_no_formulas(flower: Browser, watched_store: Store) -> None:
    job_id = make_job(watched_store, documents=2)
    claim = claim_first(watched_store, job_id, make_worker(watched_store))
    assert claim is not None
    finish(watched_store, claim, [answer(0, "=1+1"), answer(1, "-5")])
    texts = {}
    for query in ("", "?csv_safe=true"):
        lines = flower.get(f"/jobs/{job_id}/results.csv{query}").text.splitlines()
        texts[query] = [row["text"] for row in csv.DictReader(lines)]
    assert texts == {"": ["=1+1", "-5"], "?csv_safe=true": ["'=1+1", "'-5"]}
    link = f"/jobs/{job_id}/results.csv?csv_safe=true&amp;bom=true"
    assert f'href="{link}"' in flower.get(f"/jobs/{job_id}").text
    assert flower.get(link.replace("&amp;", "&")).content.startswith(b"\xef\xbb\xbfcustom_id,")
    assert flower.get(f"/jobs/{job_id}/results.csv").content.startswith(b"custom_id,")


def test_errors_download_as_jsonl_with_bad_rows(flower: Browser, watched: Settings, job: int) -> None:
    lines = [json.loads(line) for line in flower.get(f"/jobs/{job}/errors.jsonl").text.splitlines()]
    assert lines == [one.model_dump(mode="json") for one in api.errors(job, settings=watched)]
    assert [line["error"]["code"] for line in lines] == ["too_long", "invalid_row"]


def test_a_download_of_many_pages_of_rows_is_complete_and_ordered(
    flower: Browser, watched_store: Store, job: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = 2 * results.PAGE_ROWS + 1
    job_id = make_job(watched_store, documents=documents, chunk_documents=documents)
    claim = claim_first(watched_store, job_id, make_worker(watched_store))
    assert claim is not None
    finish(watched_store, claim)
    lines = flower.get(f"/jobs/{job_id}/results.jsonl").text.splitlines()
    assert [json.loads(line)["custom_id"] for line in lines] == [f"d{place}" for place in range(documents)]


@pytest.mark.parametrize("name", ["results.jsonl", "results.csv", "errors.jsonl"])
def test_downloads_are_refused_while_text_is_hidden(watched: Settings, job: int, name: str) -> None:
    with running_monitor(watched.model_copy(update={"show_text": False})) as browser:
        refused = browser.get(f"/jobs/{job}/{name}")
    assert refused.status_code == 403
    assert f"QWENQ_SHOW_TEXT=false). Use the command line: qwenq results {job}" in refused.text
    assert "answer 1" not in refused.text


def test_a_failed_download_ends_with_a_broken_connection(
    watched: Settings, job: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_connection: object, _job_id: int, after: int) -> results.PageOfLines[object]:
        if after >= 0:
            raise StoreAway(url="here", reason="gone")
        return results.PageOfLines([answered], 0)

    answered = next(api.results(job, settings=watched))
    monkeypatch.setattr(results, "results_after", away)
    # A Flower of its own, because it remembers for a while that its store is away.
    with running_monitor(watched) as browser, pytest.raises(requests.exceptions.ChunkedEncodingError):
        browser.get(f"/jobs/{job}/results.jsonl")


def test_a_download_of_an_unknown_job_or_file_is_not_found(flower: Browser) -> None:
    missing = flower.get("/jobs/999999999/results.jsonl")
    assert missing.status_code == 404
    assert "999999999" in missing.text
    assert flower.get("/jobs/1/passwords.txt").status_code == 404
