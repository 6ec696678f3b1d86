"""Groups padded prompts of like length for one prefill."""

from collections.abc import Iterable, Iterator

from qwenq.worker.engines.transformers.request_state import RequestState

MOST_PREFILL_CELLS = 8_192  # a larger prefill is not faster a cell, and its activations need memory
FEW_PREFILL_CELLS = 1_024  # in a smaller one, padding costs less than a second pass over the weights
MOST_PADDING = 0.1


def prefill_groups(batch: Iterable[RequestState]) -> Iterator[list[RequestState]]:
    """Cut prompts, longest first, into groups for one prefill each.

    A group ends if another prompt would pad it too much or make it too large.
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
