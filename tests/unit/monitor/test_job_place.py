"""Addresses of places on a job's page: written, read, and short."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from qwenq.monitor.pages.job_place import JobPlace, job_place
from qwenq.schemas.states import ChunkState


@pytest.mark.parametrize(
    "place",
    [JobPlace(7), JobPlace(7, chunks_after=0), JobPlace(7, 100, ChunkState.RUNNING, 500)],
    ids=["the beginning", "after the first document", "deep"],
)
def test_a_place_survives_its_address(place: JobPlace) -> None:
    url = urlsplit(place.address)
    assert url.path == "/jobs/7"
    assert job_place("7", dict(parse_qsl(url.query))) == place


def test_the_first_page_of_a_job_has_no_query() -> None:
    assert JobPlace(7).address == "/jobs/7"
    assert JobPlace(7).part("chunks") == "/jobs/7?part=chunks"
    assert JobPlace(7, answers_after=3).part("answers") == "/jobs/7?answers_after=3&part=answers"


def test_paging_one_table_leaves_the_other_in_place() -> None:
    place = JobPlace(7, chunks_after=100, answers_after=20)
    assert place.at_answers(30) == "/jobs/7?chunks_after=100&answers_after=30#answers"
    assert place.at_chunks(-1) == "/jobs/7?answers_after=20#chunks"


def test_another_chunk_state_begins_at_the_first_page() -> None:
    place = JobPlace(7, chunks_after=100)
    assert place.at_chunks_of(ChunkState.DONE) == "/jobs/7?chunk_state=done#chunks"


@pytest.mark.parametrize(
    ("name", "value"),
    [("chunk_state", "lost"), ("chunks_after", "-2"), ("answers_after", "1e3"), ("answers_after", "9" * 10)],
)
def test_an_invalid_parameter_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        job_place("7", {name: value})
