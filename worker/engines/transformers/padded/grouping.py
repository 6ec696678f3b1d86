"""Which prompts go through the model together when they are padded: those alike in length."""

from collections.abc import Iterable, Iterator

from qwenq.worker.engines.transformers.request_state import RequestState

MOST_PREFILL_CELLS = 8_192  # beyond, a prefill is no faster a cell, and its activations take memory
FEW_PREFILL_CELLS = 1_024  # below, a second pass over the weights costs more than the padding
MOST_PADDING = 0.1


def prefill_groups(batch: Iterable[RequestState]) -> Iterator[list[RequestState]]:
    """Cut prompts, the longest first, into groups that go through the model at once.

    A group ends where one prompt more would pad too much of it, or make it too large to hold in passing.
    """
    group: list[RequestState] = []
    tokens = 0
    for state in batch:
        length = len(state.prompt)
        if group and _ends_group(len(group[0].prompt) * (len(group) + 1), tokens + length):
            yield group
            group, tokens = [], 0
        group.append(state)
        tokens += length
    if group:
        yield group


def _ends_group(cells: int, tokens: int) -> bool:
    if cells > MOST_PREFILL_CELLS:
        return True
    return cells > FEW_PREFILL_CELLS and cells - tokens > MOST_PADDING * cells
