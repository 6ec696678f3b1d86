"""The pass through a Qwen2 or Qwen3 without experts, written out over the model's own modules and weights.

Transformers' layers need about twice as many operations, and the device waits for Python between them.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch.nn.functional import rms_norm, silu
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.dense.prepacked import PrepackedLinear
from qwenq.worker.engines.transformers.packed.step import PackedStep

WRITTEN_OUT = {"Qwen2ForCausalLM", "Qwen3ForCausalLM"}


def is_written_out(network: PreTrainedModel) -> bool:
    """Whether the model's pass is written out here."""
    return type(network).__name__ in WRITTEN_OUT and bool(network.config.hidden_act == "silu")


def linear_layers(network: Any) -> list[Any]:
    """List all linear layers of such a model, the output head first."""
    return [network.lm_head, *(one for layer in network.model.layers for one in linear_parts(layer))]


def linear_parts(layer: Any) -> tuple[Any, ...]:
    """List a layer's linear layers: query, key, value, output, gate, up, down."""
    attention, mlp = layer.self_attn, layer.mlp
    projections = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
    return (*projections, mlp.gate_proj, mlp.up_proj, mlp.down_proj)


def has_torch_weights(network: Any) -> bool:
    """Whether its linear layers are PyTorch's own, neither quantized nor prepacked."""
    return all(type(layer) is torch.nn.Linear for layer in linear_layers(network))


class Attention(Protocol):
    """Computes attention for a layer, as PackedStep does."""

    def attend(
        self,
        layer: int,
        packed: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        scaling: float,
        window: int | None,
    ) -> torch.Tensor:
        """Store keys and values; return each token's attention: tokens x heads x size.

        `packed` are queries, keys and values: heads x tokens x size.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Norm:
    """RMS norm."""

    weight: torch.Tensor
    epsilon: float

    @classmethod
    def of(cls, module: Any) -> Self:
        return cls(module.weight, module.variance_epsilon)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return rms_norm(rows, self.weight.shape, self.weight, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Rotary:
    """Rotary embedding: cosines and sines of each token's position, tokens x 1 x size."""

    cosines: torch.Tensor
    sines: torch.Tensor

    @classmethod
    def of(cls, cosines: torch.Tensor, sines: torch.Tensor) -> Self:
        """Negate the first half of the sines once, instead of half of each head in each layer."""
        first, second = sines[0].unsqueeze(1).chunk(2, dim=-1)
        return cls(cosines[0].unsqueeze(1), torch.cat((-first, second), dim=-1))

    def __call__(self, heads: torch.Tensor) -> torch.Tensor:
        swapped = heads.roll(heads.shape[-1] // 2, -1)
        return torch.addcmul(heads * self.cosines, swapped, self.sines)


class _Layer:
    """A layer's parts, looked up once."""

    def __init__(self, place: int, layer: Any) -> None:
        attention = layer.self_attn
        self.place = place
        self.size: int = attention.head_dim
        self.scaling: float = attention.scaling
        self.window: int | None = attention.sliding_window
        self.query, self.key, self.value, self.output, self.gate, self.up, self.down = linear_parts(layer)
        self.before_attention = _Norm.of(layer.input_layernorm)
        self.before_mlp = _Norm.of(layer.post_attention_layernorm)
        self.query_norm = _Norm.of(attention.q_norm) if hasattr(attention, "q_norm") else None
        self.key_norm = _Norm.of(attention.k_norm) if hasattr(attention, "k_norm") else None

    def __call__(self, rows: torch.Tensor, attention: Attention, rotary: _Rotary) -> torch.Tensor:
        seen = self._attend(self.before_attention(rows), attention, rotary)
        rows = _plus(self.output, seen, rows)
        return _plus(self.down, self._mlp(self.before_mlp(rows)), rows)

    def _mlp(self, rows: torch.Tensor) -> torch.Tensor:
        if isinstance(self.gate, PrepackedLinear) and isinstance(self.up, PrepackedLinear):
            return self.up.times(rows, self.gate.silu(rows))
        mixed: torch.Tensor = silu(self.gate(rows)) * self.up(rows)
        return mixed

    def _attend(self, rows: torch.Tensor, attention: Attention, rotary: _Rotary) -> torch.Tensor:
        query, key, value = (
            product(rows).view(len(rows), -1, self.size) for product in (self.query, self.key, self.value)
        )
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        query, key, value = (heads.transpose(0, 1) for heads in (rotary(query), rotary(key), value))
        return attention.attend(self.place, (query, key, value), self.scaling, self.window).flatten(1)


def _plus(layer: Any, rows: torch.Tensor, terms: torch.Tensor) -> torch.Tensor:
    if isinstance(layer, PrepackedLinear):
        return layer.plus(rows, terms)
    product: torch.Tensor = layer(rows)
    return terms + product


class DenseForward:
    """Computes a step's logits as the model itself would."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._layers = [_Layer(place, layer) for place, layer in enumerate(network.model.layers)]
        self._norm = _Norm.of(network.model.norm)

    @classmethod
    def of(cls, network: PreTrainedModel) -> Self | None:
        """Make the pass; None for a model that is not written out here."""
        return cls(network) if is_written_out(network) else None

    @torch.inference_mode()
    def __call__(self, step: PackedStep) -> torch.Tensor:
        """Compute the logits at the step's `last`: places x vocabulary."""
        device = self._network.device
        tokens = torch.tensor(step.tokens, device=device)
        rows = self.through_layers(tokens, torch.tensor(step.positions, device=device), step)
        return self.logits(rows[torch.tensor(step.last, dtype=torch.long, device=device)])

    def through_layers(
        self, tokens: torch.Tensor, positions: torch.Tensor, attention: Attention
    ) -> torch.Tensor:
        """Pass tokens through all layers: tokens x width."""
        rows: torch.Tensor = self._network.model.embed_tokens(tokens.unsqueeze(0))[0]
        rotary = _Rotary.of(*self._network.model.rotary_emb(rows, positions.unsqueeze(0)))
        for layer in self._layers:
            rows = layer(rows, attention, rotary)
        return rows

    def logits(self, rows: torch.Tensor) -> torch.Tensor:
        """Compute the logits of tokens that passed through the layers: tokens x vocabulary."""
        logits: torch.Tensor = self._network.lm_head(self._norm(rows))
        return logits
