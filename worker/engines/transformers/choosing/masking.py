"""Rules out tokens that an answer's grammar does not allow."""

from collections.abc import Sequence
from functools import cache

import torch
from llguidance import LLExecutor
from torch.nn.functional import embedding

from qwenq.worker.engines.cores import usable_cores
from qwenq.worker.engines.transformers.choosing.grammar import Grammar
from qwenq.worker.engines.transformers.request_state import RequestState

WORD_BITS = 32
WORD_BYTES = 4


def rule_out(scores: torch.Tensor, rows: Sequence[RequestState]) -> torch.Tensor:
    """Return the scores, rows x vocabulary, with minus infinity for tokens that a row's grammar does not allow.

    Rows without a grammar, or whose next token is not part of the answer, keep their scores.
    """
    held = [(place, row.grammar) for place, row in enumerate(rows) if row.grammar and row.answering]
    if not held:
        return scores
    bits = allowed_bits([grammar for _, grammar in held], scores.shape[-1])
    penalties = _spread(bits.to(scores.device))[:, : scores.shape[-1]]
    for place, (_, grammar) in enumerate(held):
        if grammar.instead is not None:
            penalties[place, grammar.instead] = 0
    if len(held) == len(rows):
        return scores + penalties
    where = torch.tensor([place for place, _ in held], device=scores.device)
    return scores.index_add(0, where, penalties)


def allowed_bits(grammars: Sequence[Grammar], vocabulary: int) -> torch.Tensor:
    """Return the tokens that each grammar allows, as bits: grammars x bytes. A failed grammar allows only the end."""
    words = -(-vocabulary // WORD_BITS)
    bits = torch.zeros(len(grammars), words * WORD_BYTES, dtype=torch.uint8)
    _fill(bits, list(enumerate(grammars)))
    # A matcher may give up while its mask is made.
    if renewed := [(place, grammar) for place, grammar in enumerate(grammars) if grammar.recover()]:
        _fill(bits, renewed)
        for _, grammar in renewed:
            grammar.give_up_if_stuck()
    return bits


def _fill(bits: torch.Tensor, grammars: list[tuple[int, Grammar]]) -> None:
    matchers = [(grammar.matcher, place) for place, grammar in grammars]
    _executor().unsafe_compute_mask_ptr(matchers, bits.data_ptr(), bits.shape[1], bits.shape[0])


@cache
def _executor() -> LLExecutor:
    return LLExecutor(num_threads=usable_cores())


def _spread(bits: torch.Tensor) -> torch.Tensor:
    """Turn bits into terms of scores, byte by byte from a table: many times faster than shifting and comparing."""
    return embedding(bits.int(), _byte_table(bits.device)).flatten(1)


@cache
def _byte_table(device: torch.device) -> torch.Tensor:
    """For each byte, the terms of eight scores: zero or minus infinity."""
    single = (torch.arange(256).unsqueeze(1) >> torch.arange(8)) & 1
    return torch.where(single == 1, 0.0, float("-inf")).to(device)
