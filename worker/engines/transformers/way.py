"""Chooses how documents go through a model: packed if that gives the same logits, else padded, else one by one."""

import logging
from collections.abc import Callable

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicIndexedLayer

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.graphed_forward import STEPS_BEFORE, GraphedForward
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.recording import Record
from qwenq.worker.engines.transformers.loading.kinds import CHAT_MODEL
from qwenq.worker.engines.transformers.packed.step import PACKED, Forward, PackedStep
from qwenq.worker.engines.transformers.padded.cache import new_cache
from qwenq.worker.engines.transformers.trial import Trial

_log = logging.getLogger("qwenq.engine")

PACKABLE_LAYERS = {"full_attention", "sliding_attention"}
SELECT_WITHOUT_PADDING = ("qwen4_exp",)  # their sparse attention leaves padding out when it selects columns


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
    trial = Trial.of(network)
    network.set_attn_implementation(PACKED)

    def through_layers(step: PackedStep) -> torch.Tensor:
        return step.run(network)

    for forward in (DenseKernel.of(network), DenseForward.of(network), through_layers):
        if forward is not None and _packs(forward, network, trial):
            if record is not None and isinstance(forward, DenseForward):
                return _graphed(forward, record, network, trial)
            return forward
    network.set_attn_implementation(own)
    return None


def pads(network: PreTrainedModel) -> bool:
    """Whether documents may share a padded batch. Otherwise they are answered one by one.

    Raises ValueError if the model answers otherwise than with `generate` even then.
    """
    if type(network.config)().is_encoder_decoder:
        raise ValueError(
            "it is the decoder of a model that needs an encoder; take a model that only generates"
        )
    beside = _selects(network) or _reason(lambda: _without_cache(network))
    if beside is None:
        return True
    # Some models compute otherwise without a cache: what counts is `generate`.
    reason: str | None = None
    try:
        trial = Trial.generated(network)
        if not _selects(network) and _reason(lambda: trial.padded(network)) is None:
            return True
        reason = _reason(lambda: trial.alone(network))
    except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything
        reason = _told(error)
    if reason is not None:
        raise ValueError(f"its answers would not be those of Transformers' generate ({reason}): {CHAT_MODEL}")
    _log.info("documents are not padded: %s", beside)
    return False


def _selects(network: PreTrainedModel) -> str | None:
    """Say that sparse attention selects columns, which takes padding too. The trial is too short to show it."""
    kind = network.config.get_text_config(decoder=True).model_type
    sparse = any(isinstance(layer, DynamicIndexedLayer) for layer in new_cache(network).layers)
    return (
        "its sparse attention would select padding"
        if sparse and not kind.startswith(SELECT_WITHOUT_PADDING)
        else None
    )


def _without_cache(network: PreTrainedModel) -> str | None:
    """Say what padding changes; None if nothing, or if the model computes no numbers: then the self-check says so."""
    trial = Trial.of(network)
    return trial.padded(network) if trial.computes else None


def _packs(forward: Forward, network: PreTrainedModel, trial: Trial) -> bool:
    reason = _reason(lambda: trial.packed(network, forward))
    if reason is not None:
        _log.info("prompts are not packed: %s", reason)
    return reason is None


def _graphed(dense: DenseForward, record: Record, network: PreTrainedModel, trial: Trial) -> Forward:
    """Return the pass with graphs, if its logits agree too; else the one without."""
    graphed = GraphedForward(dense, record)
    reason = _reason(lambda: trial.packed(network, graphed, STEPS_BEFORE + 1)) or graphed.failure
    if reason is None:
        return graphed
    _log.warning("decode steps are not replayed as graphs: %s", reason)
    return dense


def _reason(difference: Callable[[], str | None]) -> str | None:
    try:
        return difference()
    except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything
        return _told(error)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
