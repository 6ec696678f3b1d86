"""What bfloat16 does to answers: `python -m tests.scan.rounding`. Prints a table in Markdown.

Random models are near ties everywhere, so only the ratios count.
"""

import argparse
import copy
import logging
import sys
import warnings
from typing import Any

import torch
import transformers

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.prepacked import prepack
from qwenq.worker.engines.transformers.packed.rows import PackedRows
from qwenq.worker.engines.transformers.padded.rows import PaddedRows
from qwenq.worker.engines.transformers.runner import Runner
from qwenq.worker.engines.transformers.way import prepare_packing
from tests.scan.comparing import CELLS, ROWS, some_documents
from tests.scan.families import FAMILIES
from tests.scan.shrunken import POSITIONS, VOCABULARY, random_network
from tests.unit.worker.engines.transformers.running import alone, drain

SHOWN = (
    "qwen2, two query heads a key-value head", "qwen2, seven query heads a key-value head", "qwen2, tied",
    "qwen2, sliding", "qwen3", "qwen3, attention bias", "qwen3, tied", "qwen3, YaRN", "qwen3, sliding", "qwen2_moe",
    "qwen3_moe", "qwen3_next", "qwen3_5_text", "qwen3_5_moe_text", "llama, llama3 rope", "mistral, sliding",
)  # fmt: skip

Answers = list[list[int]]


def main() -> int:
    """Measure, and print each model as soon as it was tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.scan.rounding", description=__doc__)
    parser.add_argument("--models", nargs="*", default=SHOWN, help="only these families")
    parser.add_argument("--documents", type=int, default=60, help="how many each answers")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    torch.set_num_threads(1)
    sys.stdout.write(
        "| model | way | engine = alone | engine = float32 | alone = float32 |\n|---|---|---|---|---|\n"
    )
    for name in options.models:
        sys.stdout.write(_row(name, options.documents))
        sys.stdout.flush()
    return 0


def _row(name: str, count: int) -> str:
    exact = random_network(FAMILIES[name]())
    rounded = copy.deepcopy(exact).to(torch.bfloat16)
    wanted, own = _alone(exact, count), _alone(rounded, count)
    way, found = _engine(rounded, count)
    equal = (f"{_equal(*pair)} of {count}" for pair in ((found, own), (found, wanted), (own, wanted)))
    return f"| {name} | {way} | {' | '.join(equal)} |\n"


def _alone(network: Any, count: int) -> Answers:
    documents = some_documents(count, VOCABULARY, POSITIONS)
    return [alone(network, row.prompt, row.params.max_new_tokens)[0] for row in documents]


def _engine(network: Any, count: int) -> tuple[str, Answers]:
    documents = some_documents(count, VOCABULARY, POSITIONS)
    prepack(network)
    forward = prepare_packing(network)
    budget = TokenBudget(ROWS, CELLS)
    runner: Runner = PaddedRows(network, budget) if forward is None else PackedRows(network, forward, budget)
    drain(runner, documents)
    way = "padded" if forward is None else "C" if isinstance(forward, DenseKernel) else "packed"
    return way, [row.generated for row in documents]


def _equal(left: Answers, right: Answers) -> int:
    return sum(mine == theirs for mine, theirs in zip(left, right, strict=True))


if __name__ == "__main__":
    sys.exit(main())
