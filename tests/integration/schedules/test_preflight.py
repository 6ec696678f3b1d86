"""Warnings about the first run when a schedule is added."""

import socket
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from qwenq.actions.request import JobRequest
from qwenq.schedules import commands
from qwenq.schemas.errors import InvalidParameter, InvalidTemplate, OutputNotWritable
from qwenq.schemas.schedules import RunPolicy
from tests.integration.schedules.conftest import Nights


def _added(nights: Nights, request: JobRequest, **policy: object) -> list[str]:
    policy.setdefault("output", str(nights.folder / "{date}.jsonl"))
    due = ("0 2 * * *", "UTC")
    added = commands.add("nightly", due, request, RunPolicy.model_validate(policy), nights.settings)
    return list(added.warnings)


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a port that is bound, but has no listener."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/a-token"


@pytest.mark.parametrize("name", ["*.jsonl", "a.jsonl", ".", "nowhere"])
def test_a_missing_input_gives_a_warning(nights: Nights, name: str) -> None:
    [warning] = _added(nights, JobRequest(files=[str(nights.inbox / name)]))
    assert warning.startswith("a run would fail now: ")
    assert str(nights.inbox) in warning
    assert "format" not in warning


def test_an_output_that_each_run_replaces_gives_a_warning(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    [warning] = _added(nights, JobRequest(files=[str(nights.inbox)]), output=str(nights.folder / "out.jsonl"))
    assert warning.startswith("each run replaces the answers of the one before; add {date}")


def test_a_missing_column_gives_a_warning(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    [warning] = _added(nights, JobRequest(files=[str(nights.inbox)], prompt="{{ summary }}"))
    assert "has no column 'summary'. It has: id, text." in warning


def test_an_output_that_an_input_covers_is_refused(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    request = JobRequest(files=[str(nights.inbox / "*.jsonl")])
    with pytest.raises(OutputNotWritable, match="covers this place"):
        _added(nights, request, output=str(nights.inbox / "{date}.jsonl"))
    with pytest.raises(OutputNotWritable, match="covers this place"):
        _added(nights, request, output=str(nights.folder / "a.jsonl"), errors=str(nights.inbox / "e.jsonl"))
    assert _added(nights, request, output=str(nights.folder / "{date}.jsonl")) == []


def test_a_column_to_keep_that_no_document_has_gives_a_warning(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    [warning] = _added(nights, JobRequest(files=[str(nights.inbox)]), keep_columns=("langage",))
    assert "no document has a column 'langage'" in warning


def test_an_unreachable_webhook_gives_a_warning_without_its_secret(nights: Nights, silent: str) -> None:
    nights.put("a.jsonl", ["one"])
    [warning] = _added(nights, JobRequest(files=[str(nights.inbox)]), notify=[silent])
    assert "cannot be reached from this machine now: connection refused" in warning
    assert "a-token" not in warning


def test_a_webhook_at_a_private_address_gives_a_warning(nights: Nights, silent: str) -> None:
    nights.put("a.jsonl", ["one"])
    nights.settings = nights.settings.model_copy(update={"webhook_hosts": ()})
    [warning] = _added(nights, JobRequest(files=[str(nights.inbox)]), notify=[silent])
    assert "QWENQ_WEBHOOK_HOSTS" in warning


def test_a_signed_webhook_without_encryption_gives_a_warning(nights: Nights, silent: str) -> None:
    nights.put("a.jsonl", ["one"])
    nights.settings = nights.settings.model_copy(update={"webhook_secret": SecretStr("secret")})
    warnings = _added(nights, JobRequest(files=[str(nights.inbox)]), notify=[silent])
    assert "not encrypted" in warnings[0]


def test_a_webhook_behind_a_proxy_gives_no_warning(
    nights: Nights, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights.put("a.jsonl", ["one"])
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert _added(nights, JobRequest(files=[str(nights.inbox)]), notify=[silent]) == []


@pytest.mark.parametrize(
    ("prompt", "error"), [("{{ text", InvalidTemplate), ("Say something.", InvalidParameter)]
)
def test_a_schedule_with_an_impossible_prompt_is_refused(
    nights: Nights, prompt: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        _added(nights, JobRequest(files=[str(nights.inbox)], prompt=prompt))
