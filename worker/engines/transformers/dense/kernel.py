"""The pass through a Qwen2 or Qwen3 without experts in one call of C, on processors with AVX512-BF16."""

import ctypes
from typing import Any, Self

import torch

from qwenq.worker.engines.transformers.dense.forward import is_written_out, linear_layers, linear_parts
from qwenq.worker.engines.transformers.dense.panels import PanelLinear
from qwenq.worker.engines.transformers.dense.pass_tables import LayerTable, ModelTable, Spans, StepTable
from qwenq.worker.engines.transformers.native import NUMBERS, compile_kernel
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape
from qwenq.worker.engines.transformers.packed.step import PackedStep

NAME = "dense_pass"


class DenseKernel:
    """Computes a step's logits as the model itself would, in float32."""

    def __init__(self, network: Any, library: ctypes.CDLL) -> None:
        self._run = library[NAME]
        self._run.restype = None
        self._network = network
        # The kernel reads these tables at every call.
        self._layers = (LayerTable * len(network.model.layers))(*map(_layer_table, network.model.layers))
        first = self._layers[0]
        self._room = first.query.inputs + 2 * (first.query.outputs + first.key.outputs) + first.gate.outputs
        self._model = ModelTable(
            ctypes.addressof(self._layers),
            network.model.norm.weight.data_ptr(),
            network.lm_head.table,
            len(self._layers),
            first.query.inputs,
            network.config.num_key_value_heads,
            network.model.norm.variance_epsilon,
            network.model.layers[0].self_attn.scaling,
        )

    @classmethod
    def of(cls, network: Any) -> Self | None:
        """Compile the pass; None without a compiler, for other models, or if a weight is not in panels."""
        if not is_written_out(network) or not _all_in_panels(network):
            return None
        shape = CacheShape.of(network)
        definitions = {"HEAD_SIZE": shape.head_size, "GROUP": shape.group, **NUMBERS[torch.bfloat16]}
        library = compile_kernel(NAME, definitions)
        return cls(network, library) if library is not None else None

    @torch.inference_mode()
    def __call__(self, step: PackedStep) -> torch.Tensor:
        """Compute the logits at the step's `last`: places x vocabulary."""
        model = self._network.model
        rows = model.embed_tokens(torch.tensor(step.tokens))
        cosines, sines = model.rotary_emb(rows, torch.tensor([step.positions]))
        spans, places = Spans.of(step, len(self._layers))
        wanted = torch.tensor(step.last, dtype=torch.long)
        logits = torch.empty(len(wanted), self._network.lm_head.out_features)
        room = rows.new_empty(len(rows), self._room)
        tensors = (rows, cosines, sines, spans, places, wanted, logits, room)
        table = StepTable(*(tensor.data_ptr() for tensor in tensors), len(rows), len(spans), len(wanted))
        self._run(ctypes.byref(self._model), ctypes.byref(table))
        return logits


def _all_in_panels(network: Any) -> bool:
    numbers = {weight.dtype for weight in network.parameters()}
    return all(isinstance(one, PanelLinear) for one in linear_layers(network)) and numbers == {torch.bfloat16}


def _layer_table(layer: Any) -> LayerTable:
    attention = layer.self_attn
    norms = (layer.input_layernorm, layer.post_attention_layernorm)
    own = (getattr(attention, name, None) for name in ("q_norm", "k_norm"))
    return LayerTable(
        *(module.table for module in linear_parts(layer)),
        *(None if norm is None else norm.weight.data_ptr() for norm in (*norms, *own)),
        attention.sliding_window or 0,
    )
