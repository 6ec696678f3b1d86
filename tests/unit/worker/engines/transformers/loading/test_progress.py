"""How far a download and the loading are: counted from bars of the hub client and of Transformers."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from huggingface_hub.file_download import http_get
from huggingface_hub.utils.tqdm import hf_thread_map

from qwenq.schemas.workers import LoadProgress, LoadStage
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.loading import progress
from qwenq.worker.engines.transformers.loading.loading import load_model
from qwenq.worker.engines.transformers.loading.progress import LoadMeter

SIZE = 25_000_000


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[LoadProgress]:
    """What a meter tells, which tells each step here."""
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.0)
    return []


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server with one file of SIZE bytes."""
    (tmp_path / "model.safetensors").write_bytes(bytes(SIZE))
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/model.safetensors"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub client reach the server of the test."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def test_a_downloads_bytes_are_counted_by_the_hub_clients_own_bar(
    told: list[LoadProgress], address: str, online: None
) -> None:
    bars = LoadMeter(told.append).download_bars(None)
    http_get(address, io.BytesIO(), tqdm_class=bars, displayed_filename="model.safetensors")
    assert told[-1] == LoadProgress(LoadStage.DOWNLOADING, SIZE, SIZE, told[-1].seconds_left)
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert len(told) > 1


def test_of_several_files_the_written_bytes_are_summed_up_and_files_are_not_counted(
    told: list[LoadProgress],
) -> None:
    bars = LoadMeter(told.append).download_bars(None)
    received = bars(desc="Downloading bytes", total=0, unit="B")
    written = bars(desc="Reconstructing (incomplete total...)", total=0, unit="B")
    for size in (30, 70):  # as snapshot_download makes each file known
        written.total += size
        received.total += size
    hf_thread_map(written.update, [10, 20], desc="Fetching 2 files", tqdm_class=bars)
    received.update(50)
    written.set_description("Reconstruction complete")
    assert [(one.done, one.total) for one in told][-1] == (30, 100)
    assert {one.stage for one in told} == {LoadStage.DOWNLOADING}


def test_a_download_that_goes_on_counts_what_was_there(told: list[LoadProgress]) -> None:
    bar = LoadMeter(told.append).download_bars(100)(total=60, initial=40, unit="B")
    bar.update(10)
    assert [(one.done, one.total) for one in told] == [(50, 100)]


def test_the_time_left_is_that_of_the_bytes_that_are_still_to_come(
    told: list[LoadProgress], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    meter = LoadMeter(told.append)
    for seconds, done in ((0.0, 400), (0.5, 450), (10.0, 600), (0.0, 1_000)):
        now[0] += seconds
        meter.count(LoadStage.DOWNLOADING, done, 1_000)
    assert [one.seconds_left for one in told] == [None, None, pytest.approx(10.5 / 200 * 400), 0.0]


def test_a_meter_tells_now_and_then_and_at_the_end_of_a_stage() -> None:
    told: list[LoadProgress] = []
    meter = LoadMeter(told.append)
    for done in range(101):
        meter.count(LoadStage.DOWNLOADING, done, 100)
    assert [one.done for one in told] == [0, 100]


def test_loading_a_model_tells_the_bytes_of_its_weights(
    told: list[LoadProgress], checkpoint: Callable[[str], Path]
) -> None:
    load_model(str(checkpoint("qwen3")), EngineOptions("cpu"), LoadMeter(told.append))
    assert {one.stage for one in told} == {LoadStage.LOADING}
    assert told[0].done == 0
    assert told[-1].done == told[-1].total
    assert len(told) > 5
