"""Whether a model's answers stay what they are when its attention is replaced: tried out, not guessed."""

import logging
from typing import Any

import torch
from transformers import PreTrainedModel

from worker.engine.arena import CacheShape, KeyValueArena
from worker.engine.decode_attention import DecodeAttention, Reader
from worker.engine.packed_step import PACKED, PackedStep
from worker.engine.prompt_attention import Piece

_log = logging.getLogger("qwenq.engine")

PACKABLE_LAYERS = {"full_attention", "sliding_attention"}
PROBE_TOKENS = 9
LARGEST_DIFFERENCE = {torch.float32: 1e-3}  # relative, of the logits
LARGEST_DIFFERENCE_IN_HALF = 5e-2


def prepare_packing(network: PreTrainedModel) -> bool:
    """Replace the model's attention if it computes the same then; else leave it as it is, and say False.

    Models whose layers keep states, or whose attention has more to it than this one knows, stay as they are.
    """
    config = network.config.get_text_config(decoder=True)
    layers = set(getattr(config, "layer_types", None) or {"full_attention"})
    if not layers <= PACKABLE_LAYERS or not network._supports_attention_backend:  # noqa: SLF001
        return False
    own = network.config._attn_implementation  # noqa: SLF001
    wanted = _own_logits(network)
    network.set_attn_implementation(PACKED)
    try:
        difference = _difference(_packed_logits(network), wanted)
    except Exception as error:  # noqa: BLE001 - whatever an unknown architecture does
        _log.info("prompts are padded: %s: %s", type(error).__name__, error)
        difference = float("inf")
    if difference <= LARGEST_DIFFERENCE.get(network.dtype, LARGEST_DIFFERENCE_IN_HALF):
        return True
    _log.info("prompts are padded: packed logits differ by %.3g", difference)
    network.set_attn_implementation(own)
    return False


def _probe(network: PreTrainedModel) -> list[int]:
    vocabulary: int = network.config.get_text_config(decoder=True).vocab_size
    return [(7 * place + 1) % vocabulary for place in range(PROBE_TOKENS)]


@torch.inference_mode()
def _own_logits(network: PreTrainedModel) -> torch.Tensor:
    output: Any = network(input_ids=torch.tensor([_probe(network)], device=network.device), use_cache=False)
    logits: torch.Tensor = output.logits[0, -2:]
    return logits


def _packed_logits(network: PreTrainedModel) -> torch.Tensor:
    """The last two tokens' logits: one after a prompt of the others, one as a running document's newest."""
    ids = _probe(network)
    arena = KeyValueArena(CacheShape.of(network))
    arena.resize(slots=1, columns=len(ids), used=0)
    first = PackedStep()
    keys, values = [layer[0] for layer in arena.keys], [layer[0] for layer in arena.values]
    first.add_piece(Piece(ids[:-1], 0, keys, values, None))
    first.want_last()
    second = PackedStep()
    second.add_token(ids[-1], len(ids) - 1)
    second.decoding = DecodeAttention.of(arena, 1, [Reader(0, len(ids) - 1, None)], network.device)
    return torch.cat([first.run(network), second.run(network)])


def _difference(logits: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((logits.float() - wanted.float()).norm() / wanted.float().norm())
