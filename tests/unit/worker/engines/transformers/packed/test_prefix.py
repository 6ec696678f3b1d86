"""Shared prefixes: the best length, and when a computed prefix is reused."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape
from qwenq.worker.engines.transformers.packed.prefix import (
    MOST_CHOICES,
    MOST_KEPT,
    PrefixShelf,
    best_shared_length,
    shared_length,
)
from tests.unit.worker.engines.transformers.running import random_ids

SHAPE = CacheShape(layers=2, heads=2, group=1, head_size=4, dtype=torch.float32, device=torch.device("cpu"))
INSTRUCTION = random_ids(40, seed=1)
TOKENS = st.lists(st.integers(0, 2), max_size=40)


def prompt(number: int, instruction: list[int] = INSTRUCTION) -> list[int]:
    """Make a prompt: an instruction, then tokens of its own."""
    return [*instruction, 1000 + number, *random_ids(10, seed=number)]


def shelf() -> PrefixShelf:
    return PrefixShelf()


@given(one=TOKENS, other=TOKENS)
def test_the_shared_length_counts_equal_tokens_but_never_the_last(one: list[int], other: list[int]) -> None:
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    assert shared_length(one, other) == max(0, min(same, len(one) - 1, len(other) - 1))


def test_the_best_length_saves_the_most_tokens() -> None:
    mine = [1, 2, 3, 4, 5, 6, 7, 8]
    few, many = [[1, 2, 3, 4, 5, 6, 0]], [[1, 2, 3, 0]] * 3
    assert best_shared_length(mine, few) == 6
    assert best_shared_length(mine, [*few, *many]) == 3  # 3 tokens for 4 others, not 6 for one
    assert best_shared_length(mine, [*few * 3, many[0]]) == 6


def test_a_prompt_without_others_shares_nothing() -> None:
    assert best_shared_length([1, 2, 3], []) == 0


def test_a_group_shares_its_instruction() -> None:
    found = shelf().find(prompt(0), 1, [prompt(1), prompt(2)])
    assert found is not None
    assert (found.ids, found.filled) == (INSTRUCTION, 0)


def test_a_prefix_is_allocated_once_and_not_when_it_is_chosen() -> None:
    found = shelf().find(prompt(0), 1, [prompt(1), prompt(2)])
    assert found is not None
    assert not found.keys
    found.make_room(SHAPE)
    assert [keys.shape for keys in (*found.keys, *found.values)] == [torch.Size([2, 40, 4])] * 4
    before = found.keys
    found.make_room(SHAPE)
    assert found.keys is before


def test_all_documents_of_a_group_get_the_same_prefix() -> None:
    kept = shelf()
    first = kept.find(prompt(0), 1, [prompt(1), prompt(2)])
    assert kept.find(prompt(1), 1, [prompt(2)]) is first
    assert kept.find(prompt(2), 1, []) is first


def test_the_next_group_gets_the_prefix_of_the_last_one() -> None:
    kept = shelf()
    first = kept.find(prompt(0), 1, [prompt(1)])
    kept.forget(1)
    assert kept.find(prompt(2), 2, [prompt(3)]) is first


def test_a_single_document_gets_the_prefix_of_the_last_group() -> None:
    kept = shelf()
    first = kept.find(prompt(0), 1, [prompt(1)])
    assert kept.find(prompt(2), 2, []) is first


def test_identical_prompts_share_all_but_the_last_token() -> None:
    found = shelf().find(prompt(0), 1, [prompt(0)] * 3)
    assert found is not None
    assert found.ids == prompt(0)[:-1]


def test_a_prompt_never_becomes_a_prefix_of_itself() -> None:
    kept = shelf()
    whole = kept.find([*INSTRUCTION, 1], 1, [[*INSTRUCTION, 2]])
    assert whole is not None
    assert not whole.begins(INSTRUCTION)
    assert kept.find(INSTRUCTION, 1, []) is None


def test_a_few_common_tokens_make_no_prefix() -> None:
    assert shelf().find([1, 2, 3, *random_ids(50, 1)], 1, [[1, 2, 3, *random_ids(50, 2)]]) is None


def test_a_longer_prefix_replaces_one_if_it_saves_much_more() -> None:
    kept = shelf()
    short = kept.find(prompt(0), 1, [prompt(1)])
    longer = [*INSTRUCTION, *random_ids(60, seed=9)]
    found = kept.find(prompt(0, longer), 2, [prompt(1, longer)])
    assert found is not None
    assert found is not short
    assert found.ids == longer


def test_a_cut_of_a_computed_prefix_is_computed_already() -> None:
    kept = shelf()
    long = kept.find(prompt(0), 1, [prompt(0)])
    assert long is not None
    long.make_room(SHAPE)
    for layer, keys in enumerate(long.keys):
        keys[:] = layer + 1.0
    long.filled = len(long)
    cut = kept.find(prompt(1), 2, [prompt(2)])
    assert cut is not None
    assert (cut.ids, cut.filled) == (INSTRUCTION, 40)
    assert [keys[0, 0].tolist() for keys in cut.keys] == [[1.0] * 4, [2.0] * 4]
    assert cut.keys[0].data_ptr() == long.keys[0].data_ptr()  # the same memory


def test_a_prefix_that_is_not_computed_that_far_is_not_cut() -> None:
    kept = shelf()
    long = kept.find(prompt(0), 1, [prompt(0)])
    assert long is not None
    long.make_room(SHAPE)
    long.filled = 10
    fresh = kept.find(prompt(1), 2, [prompt(2)])
    assert fresh is not None
    assert (fresh.ids, fresh.filled, fresh.keys) == (INSTRUCTION, 0, [])


def test_prefixes_that_are_not_in_use_can_be_dropped() -> None:
    kept = shelf()
    first, second = (
        kept.find(prompt(0, instruction), group, [prompt(1, instruction)])
        for group, instruction in enumerate((INSTRUCTION, random_ids(40, seed=2)))
    )
    assert first is not None
    assert kept.kept == [first, second]
    kept.keep_only({first})
    assert kept.kept == [first]


def test_only_recent_prefixes_are_kept() -> None:
    kept = shelf()
    instructions = [random_ids(40, seed=100 + number) for number in range(MOST_KEPT + 1)]
    first = kept.find(prompt(0, instructions[0]), 0, [prompt(1, instructions[0])])
    for group, instruction in enumerate(instructions[1:], start=1):
        # The first prefix is always in use, so it is never the oldest.
        assert kept.find(prompt(group, instructions[0]), 0, []) is first
        kept.find(prompt(0, instruction), group, [prompt(1, instruction)])
    assert len(kept.kept) == MOST_KEPT
    assert first in kept.kept
    assert instructions[1] not in [one.ids for one in kept.kept]


def test_a_group_without_a_common_beginning_is_compared_a_few_times() -> None:
    kept = shelf()
    for number in range(MOST_CHOICES):
        assert kept.find(random_ids(50, number), 1, [random_ids(50, 99)]) is None
    assert kept.find(prompt(0), 1, [prompt(1)]) is None
    kept.forget(1)
    assert kept.find(prompt(0), 1, [prompt(1)]) is not None


def test_groups_that_ended_or_failed_leave_no_counts() -> None:
    kept = shelf()
    kept.find(prompt(0), 1, [prompt(1)])
    kept.find(prompt(0), 2, [prompt(1)])
    kept.forget(1)
    kept.clear()
    assert not kept.kept
    assert not kept.choices
