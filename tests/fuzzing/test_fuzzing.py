"""Run all cases that fuzzing found, and a few new ones."""

import resource
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzzing.cases import CORPUS, MOST_BYTES, RUNAWAY, TARGETS, kept
from tests.fuzzing.directed import searches
from tests.fuzzing.rendering_times import Tally
from tests.fuzzing.scales import HEAVY, LIGHT
from tests.fuzzing.templates import (
    HEAVY_EACH,
    MOST_SECONDS,
    SLICE,
    documents_of,
    scale_of,
    template_of,
    tried,
    tried_as_worker,
)

MOST_MEMORY = 400 << 20
SHORT = settings(max_examples=300, deadline=None)
WORDS = {
    target: [
        line[1:-1].encode().decode("unicode_escape").encode("latin-1")
        for line in (CORPUS.parent / f"{target}.dict").read_text("ascii").splitlines()
    ]
    for target in TARGETS
}


@pytest.mark.parametrize(("target", "name"), [(target, name) for target in TARGETS for name in kept(target)])
def test_a_case_of_the_corpus_raises_nothing_unexpected(target: str, name: str) -> None:
    case = kept(target)[name]
    assert len(case) <= MOST_BYTES
    TARGETS[target](case)


@pytest.mark.parametrize("name", kept(RUNAWAY))
def test_a_runaway_template_ends_soon_in_little_memory(name: str) -> None:
    before = most_memory()
    TARGETS["rendering"](kept(RUNAWAY)[name])
    assert most_memory() - before < MOST_MEMORY


def test_drawn_templates_give_no_long_call() -> None:
    tally = Tally()
    for first, templates, documents in ((0, 8, 6), (SLICE, SLICE, 50)):
        for number in range(first, first + templates):
            tally.add(tried(1, number, documents_of(1, first)[:documents]))
    tally.add(tried_as_worker(1, ((number, number) for number in range(0, 2 * SLICE, 2)), seconds=60))
    assert tally.renderings > 500
    assert tally.heavy > 30
    assert tally.longest < MOST_SECONDS, tally


def test_one_slice_of_drawn_templates_in_some_is_heavy() -> None:
    slices = [scale_of(first) for first in range(0, 3 * HEAVY_EACH * SLICE, SLICE)]
    assert slices == [HEAVY, *[LIGHT] * (HEAVY_EACH - 1)] * 3


def test_the_same_seed_draws_the_same_template() -> None:
    assert template_of(1, 7) == template_of(1, 7)


def test_the_directed_search_finds_no_long_call() -> None:
    calls = [search.longest(largest=4_000) for search in searches()[::31]]
    longest = max(calls, key=lambda call: call.seconds)
    assert longest.seconds < MOST_SECONDS, longest


def most_memory() -> int:
    """The most memory that this process had, in bytes; the system counts in KiB, except on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("target", TARGETS)
def test_random_cases_raise_nothing_unexpected(target: str) -> None:
    pieces = st.one_of(st.sampled_from(WORDS[target]), st.binary(max_size=8))

    @SHORT
    @given(st.lists(pieces, max_size=30).map(b"".join))
    def any_case(case: bytes) -> None:
        TARGETS[target](case)

    any_case()
