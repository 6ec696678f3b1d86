"""A model that no source has is told at once, with what to do."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from qwenq.schemas.errors import ModelUnavailable
from qwenq.worker.engines.factory import check_available

MODEL = "Qwen/Qwen3-99B"


class _Hub(BaseHTTPRequestHandler):
    """Answers each question with the status and the error code of the hub that its class was given."""

    status, code = 200, ""

    def do_HEAD(self) -> None:
        self.send_response(self.status)
        if self.code:
            self.send_header("X-Error-Code", self.code)
        self.send_header("ETag", '"1"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[int, str], None]]:
    """A hub of the test. Call it to choose what it answers."""

    def answer(status: int, code: str) -> None:
        _Hub.status, _Hub.code = status, code

    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        _point_to(f"http://127.0.0.1:{server.server_address[1]}", monkeypatch)
        monkeypatch.chdir(tmp_path)
        yield answer
        server.shutdown()


def _point_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "RepoNotFound", r"neither a folder nor a public hub model of this name.*There is no folder"),
        (404, "RevisionNotFound", "the hub has no such revision of it"),
        (403, "GatedRepo", "it is gated: accept its terms"),
        (404, "EntryNotFound", r"holds no config\.json"),
    ],
)
def test_what_the_hub_refuses_is_told_with_what_to_do(
    hub: Callable[[int, str], None], status: int, code: str, said: str
) -> None:
    hub(status, code)
    with pytest.raises(ModelUnavailable, match=said):
        check_available(MODEL)


@pytest.mark.parametrize("status", [200, 500, 429])
def test_a_model_that_the_hub_may_have_is_not_doubted(hub: Callable[[int, str], None], status: int) -> None:
    hub(status, "")
    check_available(MODEL)


def test_a_hub_that_cannot_be_reached_is_told_with_every_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _point_to("http://127.0.0.1:1", monkeypatch)
    monkeypatch.chdir(tmp_path)
    said = (
        f"HTTPS_PROXY, .* HF_ENDPOINT; .*--local-dir FOLDER.*There is no folder examples/tiny in {tmp_path}"
    )
    with pytest.raises(ModelUnavailable, match=said):
        check_available("examples/tiny")


def test_without_the_hub_a_model_in_the_cache_is_available(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable, match="HF_HUB_OFFLINE"):
        check_available(MODEL)
    repository = tmp_path / "models--Qwen--Qwen3-99B"
    (repository / "snapshots" / ("a" * 40)).mkdir(parents=True)
    (repository / "snapshots" / ("a" * 40) / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    check_available(MODEL)


@pytest.mark.parametrize("model", ["echo", "."])
def test_a_built_in_model_needs_no_source_and_a_folder_must_hold_one(model: str, tmp_path: Path) -> None:
    if model == "echo":
        check_available(model)
        return
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        check_available(str(tmp_path))
