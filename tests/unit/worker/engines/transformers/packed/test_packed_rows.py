"""Packed documents: pieces of prompts, shared prefixes, moving slots, discarded documents."""

from collections.abc import Callable
from typing import Any

import pytest

from qwenq.worker.engines.transformers.packed import rows as packed_rows
from qwenq.worker.engines.transformers.packed.kv_cache import KVCache
from tests.models import ARCHITECTURES
from tests.unit.worker.engines.transformers.running import (
    check_all,
    document,
    documents,
    drain,
    packed,
    random_ids,
)

Networks = Callable[[str], Any]
BROKEN_TOKEN = 511  # no plain text has it, and no answer here
PACKABLE = [*ARCHITECTURES, "sliding", "tied"]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a step hold only a few tokens."""
    monkeypatch.setattr(packed_rows, "STEP_TOKENS", {"cpu": 24})
    return 24


@pytest.mark.parametrize("name", PACKABLE)
def test_documents_that_join_and_leave_answer_as_alone(name: str, network_of: Networks) -> None:
    rows = documents([60, 41, 33, 8, 1, 90, 25, 14])
    drain(packed(network_of(name), rows=3), rows)
    check_all(network_of(name), rows)


@pytest.mark.parametrize("name", PACKABLE)
def test_a_shared_prefix_is_computed_once(name: str, network_of: Networks) -> None:
    rows = documents([9, 30, 5, 17, 12, 40], shared=50)
    work = drain(packed(network_of(name), rows=3), rows)
    check_all(network_of(name), rows)
    assert sum(one.prompt_tokens for one in work) == 50 + sum(len(row.prompt) - 50 for row in rows)
    assert sorted(row.prefix_tokens for row in rows) == [0, *[50] * 5]


@pytest.mark.parametrize("name", ["qwen3", "sliding"])
@pytest.mark.parametrize("shared", [0, 20, 70])
@pytest.mark.usefixtures("small_steps")
def test_prompts_and_prefixes_longer_than_a_step_come_in_pieces(
    name: str, shared: int, network_of: Networks
) -> None:
    rows = documents([60, 3, 41, 33, 8, 100], shared=shared)
    work = drain(packed(network_of(name), rows=4), rows)
    check_all(network_of(name), rows)
    assert sum(one.prompt_tokens for one in work) == sum(len(row.prompt) - row.prefix_tokens for row in rows)


def test_no_step_holds_more_prompt_tokens_than_allowed(small_steps: int, network_of: Networks) -> None:
    runner = packed(network_of("qwen3"))
    for row in documents([60, 41, 33], shared=40):
        assert runner.admit(row, [[*random_ids(40, seed=77), 1]])
    while any(not row.generated for row in runner.running):
        assert sum(one.prompt_tokens for one in runner.step()) <= small_steps


def test_documents_decode_while_a_long_prompt_is_prefilled(
    small_steps: int, network_of: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = packed(network_of("qwen3"))
    short, long = document(random_ids(5), 30), document(random_ids(100), 4)
    assert runner.admit(short, ())
    runner.step()
    assert runner.admit(long, ())
    while not long.generated:
        before = len(short.generated)
        runner.step()
        assert len(short.generated) == before + 1
    assert len(short.generated) >= 100 // small_steps
    drain(runner, [])
    check_all(network_of("qwen3"), [short, long])


def test_a_sliding_window_leaves_a_longer_prefix(network_of: Networks) -> None:
    rows = documents([1, 4, 20, 50], shared=60, new=30)  # the window is 16: at the end no row sees the prefix
    drain(packed(network_of("sliding")), rows)
    check_all(network_of("sliding"), rows)
    assert sum(row.prefix_tokens for row in rows) == 3 * 60


def test_identical_prompts_answer_alike(network_of: Networks) -> None:
    rows = [document(random_ids(30), 10, key) for key in range(4)]
    drain(packed(network_of("qwen3")), rows)
    assert [row.generated for row in rows] == [rows[0].generated] * 4
    assert [row.prefix_tokens for row in rows] == [0, 29, 29, 29]
    check_all(network_of("qwen3"), rows)


def test_the_cache_grows_for_answers_longer_than_expected(network_of: Networks) -> None:
    rows = [
        document(random_ids(length, length), new, length) for length, new in ((5, 300), (90, 170), (3, 9))
    ]
    drain(packed(network_of("qwen3")), rows)
    check_all(network_of("qwen3"), rows)


def test_the_cache_is_allocated_once_on_a_gpu(network_of: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    resize = KVCache.resize

    def noted(cache: KVCache, slots: int, columns: int, used: int) -> None:
        sizes.append((slots, columns))
        resize(cache, slots, columns, used)

    monkeypatch.setattr(packed_rows, "GROWTH", {})  # as on a GPU
    monkeypatch.setattr(KVCache, "resize", noted)
    runner = packed(network_of("qwen3"), rows=8)
    sizes.clear()  # of the trial of the model
    for key in range(3):
        assert runner.admit(document(random_ids(20, key), 2000, key), ())
    for _ in range(5):
        runner.step()
    assert sizes == [(8, 2020)]


def test_the_memory_of_one_long_document_is_given_back(network_of: Networks) -> None:
    runner = packed(network_of("qwen3"), rows=4, cells=4 * 520)
    drain(runner, [document(random_ids(500), 2)])
    long = runner.cells
    drain(runner, [document(random_ids(5), 2)])
    assert runner.cells < long / 2


def test_room_is_bounded_by_rows_and_by_tokens(network_of: Networks) -> None:
    few, many = packed(network_of("qwen3"), rows=2), packed(network_of("qwen3"), cells=60)
    for runner, admitted in ((few, 2), (many, 3)):
        rows = [document(random_ids(12, key), 8, key) for key in range(5)]
        assert [runner.admit(row, ()) for row in rows] == [place < admitted for place in range(5)]


def test_a_shared_prefix_counts_in_the_budget(network_of: Networks) -> None:
    rows = documents([12] * 6, shared=50, new=8)
    for row in rows:
        row.params = row.params.model_copy(update={"max_new_tokens": 8})
    runner = packed(network_of("qwen3"), cells=50 + 3 * 20)
    others = [row.prompt for row in rows]
    assert [runner.admit(row, others) for row in rows] == [True] * 3 + [False] * 3
    runner.step()
    assert runner.cells <= 50 + 3 * 64  # columns are a multiple of 64
    drain(runner, rows[3:])
    check_all(network_of("qwen3"), rows)


def test_a_prefix_that_is_not_in_use_is_dropped_for_a_new_document(network_of: Networks) -> None:
    runner = packed(network_of("qwen3"), cells=200)
    before = documents([12, 14], shared=100)
    drain(runner, before)
    rows = [document(random_ids(30, key), 8, key) for key in range(5)]
    assert [runner.admit(row, ()) for row in rows] == [True] * 5
    again = documents([12], shared=100)
    assert not runner.admit(again[0], ())
    drain(runner, again)
    check_all(network_of("qwen3"), [*before, *rows, *again])


def broken_network(network_of: Networks) -> Any:
    """Make a model that computes NaN from one of its tokens."""
    network = network_of("qwen3")
    network.get_input_embeddings().weight.data[BROKEN_TOKEN] = float("nan")
    return network


def test_nan_hurts_no_document_beside_or_after_it(network_of: Networks) -> None:
    rows = documents([20, 30, 25, 9, 40, 12, 33, 18])
    for bad in (rows[1], rows[4]):
        bad.prompt[3] = BROKEN_TOKEN
    drain(packed(broken_network(network_of), rows=2), rows)
    failed = [row for row in rows if row.failure is not None]
    assert failed == [rows[1], rows[4]]
    assert "not a number" in str(rows[1].failure)
    check_all(network_of("qwen3"), [row for row in rows if row not in failed])


def test_nan_in_a_prefix_hurts_only_the_documents_that_read_it(network_of: Networks) -> None:
    rows = documents([20, 30, 25], shared=20) + documents([9, 14, 31])
    for bad in rows[:3]:
        bad.prompt[3] = BROKEN_TOKEN
    drain(packed(broken_network(network_of), rows=3), rows)
    assert [row.failure is not None for row in rows] == [True] * 3 + [False] * 3
    check_all(network_of("qwen3"), rows[3:])


@pytest.mark.usefixtures("small_steps")
def test_nan_of_a_discarded_document_hurts_no_other(network_of: Networks) -> None:
    runner = packed(broken_network(network_of))
    gone = document([1, BROKEN_TOKEN, *random_ids(60)], 4)
    assert runner.admit(gone, ())
    runner.step()
    assert not gone.generated
    runner.discard([gone])
    rows = documents([3, 20])
    drain(runner, rows)
    check_all(network_of("qwen3"), rows)


@pytest.mark.usefixtures("small_steps")
def test_a_prefix_whose_first_document_is_discarded_is_computed_by_the_next(network_of: Networks) -> None:
    runner = packed(network_of("qwen3"))
    gone, *rows = documents([10, 12, 14], shared=60)
    assert runner.admit(gone, [row.prompt for row in rows])
    runner.step()
    runner.discard([gone])
    drain(runner, rows)
    check_all(network_of("qwen3"), rows)
    assert (
        sum(row.prefix_tokens for row in rows) == 60 + 24
    )  # what the first document computed, then all of it


def test_documents_can_be_discarded_before_their_first_step(network_of: Networks) -> None:
    runner = packed(network_of("qwen3"))
    rows = documents([10, 20, 30])
    for row in rows:
        assert runner.admit(row, ())
    runner.discard(rows[:2])
    assert runner.running == [rows[2]]
    drain(runner, [])
    check_all(network_of("qwen3"), rows[2:])


def test_new_documents_run_after_a_release(network_of: Networks) -> None:
    runner = packed(network_of("qwen3"))
    first = documents([10, 20], shared=30)
    for row in first:
        assert runner.admit(row, [one.prompt for one in first])
    runner.step()
    runner.release()
    assert not runner.running
    assert runner.cells == 0
    again = documents([10, 20], shared=30)
    drain(runner, again)
    check_all(network_of("qwen3"), again)
