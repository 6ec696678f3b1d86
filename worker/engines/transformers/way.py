"""Chooses how documents go through a model: packed if that gives the same logits, else padded."""

import logging
from typing import Any

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.graphed_forward import STEPS_BEFORE, GraphedForward
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.recording import Record
from qwenq.worker.engines.transformers.packed.decode_attention import Decoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import PACKED, Forward, PackedStep

_log = logging.getLogger("qwenq.engine")

PACKABLE_LAYERS = {"full_attention", "sliding_attention"}
PROBE_TOKENS = 41  # more than a kernel takes at once
LARGEST_DIFFERENCE = {torch.float32: 1e-3}  # relative, of the logits
LARGEST_DIFFERENCE_IN_HALF = 5e-2


def prepare_packing(network: PreTrainedModel, record: Record | None = None) -> Forward | None:
    """Replace the model's attention and return the pass to use; None if the logits would change.

    Models whose layers keep states, or whose attention has more terms than ours, stay unchanged. With `record`, the
    dense pass replays the steps that it can.
    """
    config = network.config.get_text_config(decoder=True)
    layers = set(getattr(config, "layer_types", None) or {"full_attention"})
    if not layers <= PACKABLE_LAYERS or not network._supports_attention_backend:  # noqa: SLF001
        return None
    own = network.config._attn_implementation  # noqa: SLF001
    wanted = _own_logits(network)
    network.set_attn_implementation(PACKED)

    def through_layers(step: PackedStep) -> torch.Tensor:
        return step.run(network)

    for forward in (DenseKernel.of(network), DenseForward.of(network), through_layers):
        if forward is not None and _agrees(forward, network, wanted):
            if record is not None and isinstance(forward, DenseForward):
                return _graphed(forward, record, network, wanted)
            return forward
    network.set_attn_implementation(own)
    return None


def differs(logits: torch.Tensor, wanted: torch.Tensor, dtype: torch.dtype) -> str | None:
    """Say how far logits are from the wanted ones; None if rounding explains the difference."""
    difference = float((logits.float() - wanted.float()).norm() / wanted.float().norm())
    if difference <= LARGEST_DIFFERENCE.get(dtype, LARGEST_DIFFERENCE_IN_HALF):
        return None
    return f"the logits would differ by {difference:.3g}"


def _agrees(forward: Forward, network: PreTrainedModel, wanted: torch.Tensor) -> bool:
    reason = _reason_against(forward, network, wanted)
    if reason is not None:
        _log.info("prompts are not packed: %s", reason)
    return reason is None


def _graphed(dense: DenseForward, record: Record, network: PreTrainedModel, wanted: torch.Tensor) -> Forward:
    """Return the pass with graphs, if its logits agree too; else the one without."""
    graphed = GraphedForward(dense, record)
    reason = _reason_against(graphed, network, wanted, STEPS_BEFORE + 1) or graphed.failure
    if reason is None:
        return graphed
    _log.warning("decode steps are not replayed as graphs: %s", reason)
    return dense


def _reason_against(
    forward: Forward, network: PreTrainedModel, wanted: torch.Tensor, times: int = 1
) -> str | None:
    try:
        return differs(_packed_logits(forward, network, times), wanted, network.dtype)
    except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything
        return f"{type(error).__name__}: {error}"


def _probe(network: PreTrainedModel) -> list[int]:
    vocabulary: int = network.config.get_text_config(decoder=True).vocab_size
    return [(7 * place + 1) % vocabulary for place in range(PROBE_TOKENS)]


@torch.inference_mode()
def _own_logits(network: PreTrainedModel) -> torch.Tensor:
    output: Any = network(input_ids=torch.tensor([_probe(network)], device=network.device), use_cache=False)
    logits: torch.Tensor = output.logits[0, -2:].float()
    return logits


def _packed_logits(forward: Forward, network: PreTrainedModel, times: int) -> torch.Tensor:
    """Compute the last two tokens' logits: the first ends a prefill, the second is a decode step.

    The decode step runs several `times`; its last result counts.
    """
    ids = _probe(network)
    shape = CacheShape.of(network)
    cache = KVCache(shape)
    cache.resize(slots=1, columns=len(ids), used=0)
    first = PackedStep()
    keys, values = [layer[0] for layer in cache.keys], [layer[0] for layer in cache.values]
    first.add_piece(Piece(ids[:-1], 0, keys, values, None))
    first.want_last()
    second = PackedStep()
    second.add_token(ids[-1], len(ids) - 1)
    second.decoding = Decoding(shape).of(cache, 1, [DecodeRow(0, len(ids) - 1, None)])
    logits = forward(first)
    return torch.cat([logits, *[forward(second) for _ in range(times)][-1:]])
