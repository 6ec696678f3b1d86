"""Which padded prompts are prefilled together."""

from hypothesis import given
from hypothesis import strategies as st

from qwenq.worker.engines.transformers.padded.grouping import MOST_PREFILL_CELLS, prefill_groups
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.unit.worker.engines.transformers.running import document

LENGTHS = st.lists(st.integers(1, 3000), max_size=60)


def prompts(lengths: list[int]) -> list[RequestState]:
    return [document([5] * length, key=key) for key, length in enumerate(lengths)]


@given(lengths=LENGTHS)
def test_groups_of_prompts_keep_the_order_and_lose_none(lengths: list[int]) -> None:
    batch = sorted(prompts(lengths), key=lambda row: -len(row.prompt))
    assert [row for group in prefill_groups(batch) for row in group] == batch


@given(lengths=LENGTHS)
def test_a_group_has_no_more_cells_than_allowed(lengths: list[int]) -> None:
    for group in prefill_groups(prompts(sorted(lengths, reverse=True))):
        assert len(group) == 1 or len(group) * len(group[0].prompt) <= MOST_PREFILL_CELLS


def test_a_long_prompt_does_not_pad_many_short_ones() -> None:
    groups = list(prefill_groups(prompts([2000, *[200] * 10])))
    assert [len(group) for group in groups] == [1, 10]


def test_short_prompts_are_prefilled_together_whatever_their_padding() -> None:
    groups = list(prefill_groups(prompts([100, 10, 5])))
    assert [len(group) for group in groups] == [3]
