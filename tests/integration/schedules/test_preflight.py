"""What is told when a schedule is added: whatever would be wrong with its first run, as things are now."""

import socket
from collections.abc import Iterator

import pytest

from qwenq.actions.request import JobRequest
from qwenq.schedules import commands
from qwenq.schemas.errors import InvalidParameter, InvalidTemplate
from qwenq.schemas.schedules import RunPolicy
from tests.integration.schedules.conftest import Nights


def _added(nights: Nights, request: JobRequest, **policy: object) -> list[str]:
    policy.setdefault("output", str(nights.folder / "{date}.jsonl"))
    due = ("0 2 * * *", "UTC")
    added = commands.add("nightly", due, request, RunPolicy.model_validate(policy), nights.settings)
    return list(added.warnings)


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a port that nobody listens at, and nobody else takes."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/a-token"


@pytest.mark.parametrize("name", ["*.jsonl", "a.jsonl", ".", "nowhere"])
def test_an_input_that_is_none_yet_is_told(nights: Nights, name: str) -> None:
    [told] = _added(nights, JobRequest(files=[str(nights.inbox / name)]))
    assert told.startswith("as it is now, a run would fail: ")
    assert str(nights.inbox) in told
    assert "format" not in told


def test_a_column_that_the_documents_lack_is_told(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    [told] = _added(nights, JobRequest(files=[str(nights.inbox)], prompt="{{ summary }}"))
    assert "has no column 'summary'. It has: id, text." in told


@pytest.mark.parametrize("folder", ["inbox", "."])
def test_answers_that_a_later_run_would_read_are_told_of(nights: Nights, folder: str) -> None:
    nights.put("a.jsonl", ["one"])
    request = JobRequest(files=[str(nights.inbox / "*.jsonl")])
    told = _added(nights, request, output=str(nights.folder / folder / "{date}.jsonl"))
    assert sum("input of the next run" in warning for warning in told) == (folder == "inbox") * 2


def test_a_webhook_that_nobody_listens_at_is_told_without_its_secret(nights: Nights, silent: str) -> None:
    nights.put("a.jsonl", ["one"])
    [told] = _added(nights, JobRequest(files=[str(nights.inbox)]), webhook=silent)
    assert "cannot be reached from here now: connection refused" in told
    assert "a-token" not in told


def test_where_a_proxy_stands_between_nothing_is_told_of_a_webhook(
    nights: Nights, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights.put("a.jsonl", ["one"])
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert _added(nights, JobRequest(files=[str(nights.inbox)]), webhook=silent) == []


@pytest.mark.parametrize(
    ("prompt", "error"), [("{{ text", InvalidTemplate), ("Say something.", InvalidParameter)]
)
def test_a_prompt_that_no_input_would_fit_is_refused(
    nights: Nights, prompt: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _added(nights, JobRequest(files=[str(nights.inbox)], prompt=prompt))
