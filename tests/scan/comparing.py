"""Answers documents as the engine would, and compares each with `generate` alone."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.packed.rows import PackedRows
from qwenq.worker.engines.transformers.padded.rows import PaddedRows
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import Runner
from qwenq.worker.engines.transformers.way import pads, prepare_packing
from tests.unit.worker.engines.transformers.running import alone, document, drain, random_ids

ROWS, CELLS = 6, 100_000
NEAR_TIE = 1e-4  # between the two best logits: rounding may decide
LENGTHS = (540, 3, 41, 17, 260, 9, 1, 163, 75, 149, 150, 151, 30, 400)
SHARED = (0, 30, 0, 0, 220)  # tokens that every fifth document has in common
LONG = 1_300  # tokens: more than one pass


@dataclass(frozen=True)
class Compared:
    """How documents went through a model, and how many answers were those of `generate` alone."""

    way: str
    exact: int
    documents: int
    reason: str = ""

    @property
    def wrong(self) -> bool:
        """Whether an answer differed."""
        return self.exact < self.documents


def some_documents(count: int, vocabulary: int, positions: int) -> list[RequestState]:
    """Make documents of many lengths, some with a shared beginning, one of several passes.

    Answers have 3 to 20 tokens.
    """
    made = []
    for key in range(count):
        length = LONG if key == count // 2 and positions > LONG + 300 else LENGTHS[key % len(LENGTHS)]
        shared = random_ids(SHARED[key % len(SHARED)], seed=77)
        prompt = [*shared, *random_ids(length, seed=key)][: positions - 32]
        made.append(document([3 + token % (vocabulary - 3) for token in prompt], 3 + key % 18, key))
    return made


def compare(network: Any, documents: Sequence[RequestState]) -> Compared:
    """Answer the documents together, as the engine would, and compare."""
    own = copy.deepcopy(network)
    with torch.inference_mode(False):
        forward = prepare_packing(network)
    runner: Runner
    if forward is not None:
        way = "packed"
        runner = PackedRows(network, forward, TokenBudget(ROWS, CELLS))
    else:
        try:
            together = pads(network)
        except ValueError as error:
            return Compared("refused", 0, 0, str(error))
        way = "padded" if together else "one by one"
        runner = PaddedRows(network, TokenBudget(ROWS if together else 1, CELLS))
    drain(runner, documents)
    return Compared(way, sum(_is_exact(own, row) for row in documents), len(documents))


def _is_exact(network: Any, row: RequestState) -> bool:
    """Whether an answer is that of the document alone, or differs first at a near tie."""
    expected, logits = alone(network, row.prompt, row.params.max_new_tokens)
    pairs = enumerate(zip(row.generated, expected, strict=False))
    differs = next((place for place, (mine, theirs) in pairs if mine != theirs), None)
    if differs is None:
        return len(row.generated) == len(expected)
    best, second = logits[differs].topk(2).values.tolist()
    return bool(best - second < NEAR_TIE)
