"""Chooses how documents go through a model: packed if that gives the same logits, else padded, else one by one."""

import logging
from collections.abc import Callable

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.graphed_forward import STEPS_BEFORE, GraphedForward
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.recording import Record
from qwenq.worker.engines.transformers.packed.step import PACKED, Forward, PackedStep
from qwenq.worker.engines.transformers.trial import Trial

_log = logging.getLogger("qwenq.engine")

PACKABLE_LAYERS = {"full_attention", "sliding_attention"}


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
    trial = Trial.of(network)
    if not trial.computes or _reason(lambda: trial.padded(network)) is None:
        return True  # without numbers, the self-check fails and says why
    # Some models compute otherwise without a cache: what counts is `generate`.
    trial = Trial.generated(network)
    if (beside := _reason(lambda: trial.padded(network))) is None:
        return True
    _log.info("documents are not padded: %s", beside)
    if (reason := _reason(lambda: trial.alone(network))) is not None:
        raise ValueError(f"its answers would not be those of Transformers' generate ({reason})")
    return False


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
        return f"{type(error).__name__}: {error}"
