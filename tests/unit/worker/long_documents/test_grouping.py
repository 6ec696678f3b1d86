"""Grouping answers for merges: as few groups as fit, and a single answer only if their number is odd."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qwenq.worker.long_documents.grouping import groups_of


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(0, 60))
def test_every_answer_is_in_one_group_that_fits_beside_its_neighbours(sizes: list[int], room: int) -> None:
    answers = ["x" * size for size in sizes]

    def fits(some: Sequence[str]) -> bool:
        return len("".join(some)) <= room

    groups = groups_of(answers, fits)
    if groups is None:
        assert any(len(first + second) > room for first, second in pairwise(answers))
        return
    assert [place for group in groups for place in group] == list(range(len(answers)))
    assert all(len(group) == 1 or fits([answers[place] for place in group]) for group in groups)
    assert sum(len(group) == 1 for group in groups) <= len(answers) % 2
    assert (len(groups) == 1) == fits(answers)


def test_answers_that_fit_into_one_prompt_are_one_group() -> None:
    assert groups_of(["a", "b", "c"], lambda _: True) == [range(3)]


def test_answers_cannot_be_grouped_when_no_two_fit() -> None:
    assert groups_of(["a", "b", "c", "d"], lambda some: len(some) < 2) is None
