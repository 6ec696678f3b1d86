"""Which documents share a batch, and which prompts go through the model together."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.generation import GenerationParams
from tests.models import chat_tokenizer
from worker.engine.batching import BatchLimits, pack, prefill_groups, windows
from worker.engine.sequence import Sequence
from worker.engine.vocabulary import Vocabulary

VOCABULARY = Vocabulary.of(chat_tokenizer(), None)
SHAPES = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 300)), max_size=60)


def sequence(prompt: int, answer: int, key: int = 0) -> Sequence:
    return Sequence(key, [5] * prompt, GenerationParams(max_new_tokens=answer), VOCABULARY)


def sequences(shapes: list[tuple[int, int]]) -> list[Sequence]:
    return [sequence(prompt, answer, key) for key, (prompt, answer) in enumerate(shapes)]


@given(shapes=SHAPES)
def test_every_document_is_in_exactly_one_batch(shapes: list[tuple[int, int]]) -> None:
    batches = list(pack(sequences(shapes), BatchLimits(rows=8, tokens=2000)))
    assert sorted(row.key for batch in batches for row in batch) == list(range(len(shapes)))


@given(shapes=SHAPES)
def test_a_batch_stays_within_rows_and_cells(shapes: list[tuple[int, int]]) -> None:
    for batch in pack(sequences(shapes), BatchLimits(rows=8, tokens=2000)):
        prompt = max(len(row.prompt) for row in batch)
        answer = max(row.params.max_new_tokens for row in batch)
        assert len(batch) == 1 or (len(batch) <= 8 and len(batch) * (prompt + answer) <= 2000)


def test_a_document_over_the_limits_is_alone_in_its_batch() -> None:
    batches = list(pack(sequences([(10, 5), (5000, 5), (12, 5)]), BatchLimits(8, 2000)))
    assert [[row.key for row in batch] for batch in batches] == [[1], [2, 0]]


def test_documents_of_like_length_are_together() -> None:
    batches = list(pack(sequences([(10, 5), (300, 5), (11, 5), (310, 5)]), BatchLimits(2, 9999)))
    assert [[row.key for row in batch] for batch in batches] == [[3, 1], [2, 0]]


def test_windows_read_no_further_than_needed() -> None:
    numbers = iter(range(10))
    assert next(windows(numbers, size=4)) == [0, 1, 2, 3]
    assert next(numbers) == 4


@given(shapes=SHAPES)
def test_groups_of_prompts_keep_the_order_and_lose_none(shapes: list[tuple[int, int]]) -> None:
    batch = sorted(sequences(shapes), key=lambda row: -len(row.prompt))
    assert [row for group in prefill_groups(batch) for row in group] == batch


def test_a_long_prompt_does_not_pad_many_short_ones() -> None:
    groups = list(prefill_groups(sequences([(2000, 5), *[(200, 5)] * 10])))
    assert [len(group) for group in groups] == [1, 10]


def test_short_prompts_go_through_together_whatever_their_padding() -> None:
    groups = list(prefill_groups(sequences([(100, 5), (10, 5), (5, 5)])))
    assert [len(group) for group in groups] == [3]
