"""Which documents are generated together: alike in length, within a budget of cells."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from worker.engine.sequence import Sequence

Item = TypeVar("Item")

WINDOW = 512  # at least a whole chunk, so that a chunk is sorted as a whole

MOST_PREFILL_CELLS = 8_192  # beyond, a prefill is no faster a cell, and its activations take memory
FEW_PREFILL_CELLS = 1_024  # below, a second pass over the weights costs more than the padding
MOST_PADDING = 0.1


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch may grow: rows, and cells of the padded prompt and the answer."""

    rows: int
    tokens: int

    def hold(self, rows: int, prompt: int, answer: int) -> bool:
        """Whether a batch of this many rows, padded to these lengths, is within the limits."""
        return rows <= self.rows and rows * (prompt + answer) <= self.tokens


def windows(items: Iterable[Item], size: int = WINDOW) -> Iterator[list[Item]]:
    """Cut `items` into lists of `size`, reading no further than the list at hand."""
    waiting = iter(items)
    while window := list(islice(waiting, size)):
        yield window


def pack(sequences: Iterable[Sequence], limits: BatchLimits) -> Iterator[list[Sequence]]:
    """Sort by length, the longest first, and cut into batches within the limits.

    A document that is over the limits by itself makes a batch of its own.
    """
    batch: list[Sequence] = []
    answer = 0
    for sequence in sorted(sequences, key=_length, reverse=True):
        grown = max(answer, sequence.params.max_new_tokens)
        # Sorted: the first of the batch has the longest prompt.
        if batch and not limits.hold(len(batch) + 1, len(batch[0].prompt), grown):
            yield batch
            batch, grown = [], sequence.params.max_new_tokens
        batch.append(sequence)
        answer = grown
    if batch:
        yield batch


def _length(sequence: Sequence) -> tuple[int, int]:
    return len(sequence.prompt), sequence.params.max_new_tokens


def prefill_groups(batch: Iterable[Sequence]) -> Iterator[list[Sequence]]:
    """Cut a batch, sorted by length, into groups of prompts that go through the model at once.

    A group ends where one prompt more would pad too much of it, or make it too large to hold in passing.
    """
    group: list[Sequence] = []
    tokens = 0
    for sequence in batch:
        length = len(sequence.prompt)
        if group and _ends_group(len(group[0].prompt) * (len(group) + 1), tokens + length):
            yield group
            group, tokens = [], 0
        group.append(sequence)
        tokens += length
    if group:
        yield group


def _ends_group(cells: int, tokens: int) -> bool:
    if cells > MOST_PREFILL_CELLS:
        return True
    return cells > FEW_PREFILL_CELLS and cells - tokens > MOST_PADDING * cells
