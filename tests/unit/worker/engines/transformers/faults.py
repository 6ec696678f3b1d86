"""Faults inside a real model's pass: they see its token ids, and may raise."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.models import chat_tokenizer

POISON = "~~~~"  # in a document's text: `holds_poison` finds it among the ids
_POISON_IDS = chat_tokenizer().encode(POISON)


@contextmanager
def failing(fault: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Call `fault` with the ids of every pass through any model, rows x columns."""

    def before(module: torch.nn.Module, inputs: Any) -> None:
        if isinstance(module, torch.nn.Embedding):
            fault(inputs[0])

    handle = register_module_forward_pre_hook(before)
    try:
        yield
    finally:
        handle.remove()


def holds_poison(ids: torch.Tensor) -> bool:
    """Whether a poisoned document is in the pass."""
    size = len(_POISON_IDS)
    rows: list[list[int]] = ids.tolist()
    return any(row[at : at + size] == _POISON_IDS for row in rows for at in range(len(row) - size + 1))
