"""Documents of raw token ids, runners, and the model alone for comparison."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from transformers import PreTrainedModel

from qwenq.schemas.generation import GenerationParams
from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.packed.rows import PackedRows
from qwenq.worker.engines.transformers.padded.rows import PaddedRows
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary
from qwenq.worker.engines.transformers.request_state import RequestState
from qwenq.worker.engines.transformers.runner import RowWork, Runner
from qwenq.worker.engines.transformers.way import prepare_packing
from tests.models import ENDS, chat_tokenizer

_TOKENIZER = chat_tokenizer()
VOCABULARY = replace(
    Vocabulary.of(_TOKENIZER, None), ends=frozenset(_TOKENIZER.get_vocab()[end] for end in ENDS)
)
PLAIN_TOKENS = 427  # ids below are text
NEAR_TIE = 1e-4  # between the two best logits: rounding may decide


def document(prompt: list[int], new: int = 8, key: int = 0, group: int = 0, **params: Any) -> RequestState:
    """Make a document that is ready for the device."""
    return RequestState(key, prompt, GenerationParams(max_new_tokens=new, **params), VOCABULARY, group)


def random_ids(count: int, seed: int = 0) -> list[int]:
    """Draw token ids of plain text."""
    draw = torch.Generator().manual_seed(seed)
    ids: list[int] = torch.randint(0, PLAIN_TOKENS, (count,), generator=draw).tolist()
    return ids


def documents(lengths: list[int], shared: int = 0, new: int = 8) -> list[RequestState]:
    """Make documents of different lengths that begin with the same `shared` tokens."""
    beginning = random_ids(shared, seed=77)
    return [
        document([*beginning, *random_ids(length, seed=key)], new + 3 * (key % 4), key)
        for key, length in enumerate(lengths)
    ]


def packed(network: PreTrainedModel, rows: int = 32, cells: int = 100_000) -> PackedRows:
    """Make the runner without padding; the network's attention is replaced."""
    forward = prepare_packing(network)
    assert forward is not None
    return PackedRows(network, forward, TokenBudget(rows, cells))


def padded(network: PreTrainedModel, rows: int = 32, cells: int = 100_000) -> PaddedRows:
    """Make the runner that pads."""
    return PaddedRows(network, TokenBudget(rows, cells))


def drain(runner: Runner, documents: Iterable[RequestState]) -> list[RowWork]:
    """Run documents to their end, admitted in order. Returns what the steps did."""
    waiting = list(documents)
    work: list[RowWork] = []
    while waiting or runner.running:
        while waiting and runner.admit(waiting[0], [one.prompt for one in waiting[1:]]):
            waiting.pop(0)
        work += runner.step()
    return work


def alone(network: Any, prompt: list[int], new: int) -> Any:
    """Return the new tokens of `generate` and their logits."""
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        output = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=new,
            return_dict_in_generate=True,
            output_logits=True,
        )
    return output.sequences[0, len(prompt) :].tolist(), torch.cat(output.logits)


def check_against_alone(network: Any, row: RequestState) -> bool:
    """Fail if an answer differs without a near tie. Returns whether a near tie made it differ."""
    expected, logits = alone(network, row.prompt, row.params.max_new_tokens)
    if row.generated == expected:
        return False
    pairs = enumerate(zip(row.generated, expected, strict=False))
    differs = next(i for i, pair in pairs if len({*pair}) > 1)
    best, second = logits[differs].topk(2).values.tolist()
    assert best - second < NEAR_TIE, f"token {differs} differs, with {best - second} between the best"
    return True


def check_all(network: Any, rows: list[RequestState]) -> None:
    """Compare all with the model alone. At most one may differ by a near tie."""
    assert all(row.failure is None for row in rows)
    assert sum(check_against_alone(network, row) for row in rows) <= 1
