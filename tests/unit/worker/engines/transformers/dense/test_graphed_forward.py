"""Replayed decode steps: answers stay the same, graphs come and go, and failures cost no answer."""

import gc
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from weakref import ref

import pytest
import torch

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.dense import graphed_forward
from qwenq.worker.engines.transformers.dense.graphed_forward import STEPS_BEFORE, GraphedForward
from qwenq.worker.engines.transformers.dense.recording import Record, Replay
from qwenq.worker.engines.transformers.packed import rows as packed_rows
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.rows import PackedRows
from qwenq.worker.engines.transformers.packed.step import PackedStep
from qwenq.worker.engines.transformers.way import prepare_packing
from tests.recorded_operations import Recorder
from tests.unit.worker.engines.transformers.running import check_all, document, documents, drain, random_ids

Networks = Callable[[str], Any]
Function = Callable[[], torch.Tensor]


@pytest.fixture(autouse=True)
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attend with PyTorch's operations, as on a GPU."""
    monkeypatch.setattr(DecodeKernel, "compiled", lambda _: None)


def forward_of(network: Any, record: Record) -> GraphedForward:
    forward = prepare_packing(network, record)
    assert isinstance(forward, GraphedForward)
    return forward


def runner_of(network: Any, forward: GraphedForward, rows: int = 4, cells: int = 100_000) -> PackedRows:
    return PackedRows(network, forward, TokenBudget(rows, cells))


def decode_step(cache: KVCache, prefix: Prefix | None, filled: int) -> PackedStep:
    """Make a step that gives each of the cache's slots a token."""
    rows = [DecodeRow(slot, filled, prefix) for slot in range(cache.slots)]
    step = PackedStep(decoding=FoldedDecoding(cache, cache.slots, rows))
    for row in rows:
        step.add_token(7, row.shared + row.filled)
    return step


def fail_once(error: Exception) -> tuple[Recorder, Record]:
    """Return a recorder, and a Record over it that fails half-way through its first recording after the trial."""
    recorder, calls = Recorder(), 0

    def record(function: Function) -> Replay:
        nonlocal calls
        calls += 1
        if calls == 2:
            function()
            raise error
        return recorder(function)

    return recorder, record


@pytest.mark.parametrize("shared", [0, 50])
@pytest.mark.parametrize("name", ["qwen2", "qwen3", "sliding", "tied"])
def test_documents_that_join_and_leave_answer_as_alone(name: str, shared: int, network_of: Networks) -> None:
    rows, recorder = documents([60, 41, 33, 8, 1, 90, 25, 14], shared, new=15), Recorder()
    drain(runner_of(network_of(name), forward_of(network_of(name), recorder)), rows)
    check_all(network_of(name), rows)
    assert recorder.replays > 20


def test_a_size_is_recorded_after_a_few_steps(network_of: Networks) -> None:
    recorder = Recorder()
    runner = runner_of(network_of("qwen3"), forward_of(network_of("qwen3"), recorder))
    before = recorder.recorded
    row = document(random_ids(20), 100)
    assert runner.admit(row, ())
    for _ in range(1 + STEPS_BEFORE):  # the first step is the prefill
        runner.step()
    assert recorder.recorded == before
    runner.step()
    runner.step()
    assert recorder.recorded == before + 1
    drain(runner, [])
    assert recorder.recorded == before + 2  # from 64 columns on
    check_all(network_of("qwen3"), [row])


def test_reallocating_the_cache_drops_its_graphs(network_of: Networks) -> None:
    recorder = Recorder()
    forward = forward_of(network_of("qwen3"), recorder)
    runner = runner_of(network_of("qwen3"), forward)
    rows = [
        document(random_ids(length, length), new, length) for length, new in ((5, 300), (90, 170), (3, 9))
    ]
    counts = [0]
    waiting = list(rows)
    while waiting or runner.running:
        while waiting and runner.admit(waiting[0], ()):
            waiting.pop(0)
        runner.step()
        counts.append(forward.graphs)
    assert any(after == 0 < before for before, after in pairwise(counts))
    assert recorder.recorded > 5
    check_all(network_of("qwen3"), rows)


def test_a_release_drops_the_graphs_and_new_documents_record_others(network_of: Networks) -> None:
    recorder = Recorder()
    forward = forward_of(network_of("qwen3"), recorder)
    runner = runner_of(network_of("qwen3"), forward)
    first = documents([10, 20], shared=30, new=15)
    for row in first:
        assert runner.admit(row, [one.prompt for one in first])
    for _ in range(STEPS_BEFORE + 3):
        runner.step()
    assert forward.graphs
    runner.release()
    assert not forward.graphs
    again = documents([10, 20], shared=30, new=15)
    drain(runner, again)
    check_all(network_of("qwen3"), again)


def test_graphs_keep_no_prefix_alive_and_serve_no_other_prefix(network_of: Networks) -> None:
    def record(function: Function) -> Replay:
        outcome = function()
        return lambda: outcome  # holds nothing else, as a graph does not

    forward = forward_of(network_of("qwen3"), record)
    shape = CacheShape.of(network_of("qwen3"))
    cache = KVCache(shape)
    cache.resize(slots=2, columns=64, used=0)
    prefix = Prefix(random_ids(30))
    prefix.make_room(shape)
    for filled in range(1 + STEPS_BEFORE):
        forward(decode_step(cache, prefix, filled))
    assert forward.graphs == 1
    memory, whole = ref(prefix.keys[0]), ref(prefix)
    del prefix
    gc.collect()
    assert (memory(), whole()) == (None, None)
    assert forward.graphs == 1
    forward(decode_step(cache, None, 1 + STEPS_BEFORE))
    assert forward.graphs == 0


def test_jobs_with_different_prefixes_answer_as_alone(network_of: Networks) -> None:
    recorder = Recorder()
    forward = forward_of(network_of("qwen3"), recorder)
    runner = runner_of(network_of("qwen3"), forward, rows=3)
    rows = documents([9, 30, 5, 17], shared=50, new=15)
    rows += [
        document([*random_ids(40, seed=5), *random_ids(9 + key, seed=key)], 20, key, 1) for key in range(4)
    ]
    rows += documents([9, 30, 5], new=15)
    drain(runner, rows)
    check_all(network_of("qwen3"), rows)
    assert recorder.replays > 20


def test_the_number_of_graphs_is_limited(network_of: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    forward = forward_of(network_of("qwen3"), recorder)
    monkeypatch.setattr(graphed_forward, "MOST_GRAPHS", 2)
    monkeypatch.setattr(packed_rows, "GROWTH", {})
    runner = runner_of(network_of("qwen3"), forward)
    rows = [document(random_ids(5, key), 20 + 30 * key, key) for key in range(4)]
    before = recorder.recorded
    drain(runner, rows)
    assert forward.graphs == 2 < recorder.recorded - before
    check_all(network_of("qwen3"), rows)


def test_after_out_of_memory_graphs_come_back_with_another_cache(
    network_of: Networks, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, record = fail_once(torch.OutOfMemoryError("too many tokens"))
    forward = forward_of(network_of("qwen3"), record)
    runner = runner_of(network_of("qwen3"), forward)
    before = recorder.recorded
    rows = documents([10, 20, 30], new=15)
    drain(runner, rows)
    assert recorder.recorded == before
    assert "out of memory" in caplog.text
    runner.release()
    again = documents([11, 21, 31], new=15)
    drain(runner, again)
    assert recorder.recorded > before
    assert forward.failure is None
    check_all(network_of("qwen3"), rows + again)


def test_after_an_error_other_than_memory_there_are_no_more_graphs(
    network_of: Networks, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, record = fail_once(RuntimeError("operation not permitted when stream is capturing\nmore"))
    forward = forward_of(network_of("qwen3"), record)
    runner = runner_of(network_of("qwen3"), forward)
    before = recorder.recorded
    rows = documents([10, 20, 30], new=15)
    drain(runner, rows)
    runner.release()
    drain(runner, documents([11, 21], new=15))
    assert recorder.recorded == before
    assert forward.failure == "RuntimeError: operation not permitted when stream is capturing"
    assert caplog.text.count("decode steps are not replayed as graphs any more") == 1
    check_all(network_of("qwen3"), rows)


def test_a_step_whose_replay_fails_runs_without_a_graph(network_of: Networks) -> None:
    recorder = Recorder()

    def record(function: Function) -> Replay:
        replay = recorder(function)

        def failing() -> torch.Tensor:
            if recorder.replays == 5:
                raise torch.AcceleratorError("CUDA error: invalid argument")
            return replay()

        return failing

    forward = forward_of(network_of("qwen3"), record)
    rows = documents([10, 20, 30], new=15)
    drain(runner_of(network_of("qwen3"), forward), rows)
    assert forward.failure == "AcceleratorError: CUDA error: invalid argument"
    assert recorder.replays == 5
    check_all(network_of("qwen3"), rows)


def test_an_exception_that_no_device_raises_passes_through(network_of: Networks) -> None:
    class TimeIsUp(Exception):
        pass

    _, record = fail_once(TimeIsUp())
    runner = runner_of(network_of("qwen3"), forward_of(network_of("qwen3"), record))
    with pytest.raises(TimeIsUp):
        drain(runner, documents([10, 20], new=15))
