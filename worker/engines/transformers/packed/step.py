"""One pass through the model: decoding documents' newest tokens and pieces of new prompts, packed without padding.

The tokens of all documents lie in one row. Only attention must keep them apart: the function below replaces the model's
own, through Transformers' AttentionInterface. Keys and values go to the KV cache or a shared prefix.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from transformers import AttentionInterface, PreTrainedModel

from qwenq.worker.engines.transformers.packed.causal_softmax import CausalSoftmax, masked_softmax
from qwenq.worker.engines.transformers.packed.decode_attention import DecodeAttention
from qwenq.worker.engines.transformers.packed.masks import PackedMask, register_masks, window_of
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece, PromptAttention

PACKED = "qwenq_packed"
NO_TERMS = {"dropout", "position_ids", "cache_position"}  # passed by models, without effect here


@dataclass(slots=True)
class PackedStep:
    """What goes through the model at once: the newest token of each decoding document, then pieces of prompts.

    `last` are the places of the tokens whose logits are wanted, in ascending order. With `on_trial`, masks are checked,
    and the layers' `windows` kept; such a step holds one piece, from the beginning of a prompt.
    """

    softmax: CausalSoftmax = masked_softmax
    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    decoding: DecodeAttention | None = None
    on_trial: bool = False
    windows: dict[int, int | None] = field(default_factory=dict)

    def add_token(self, token: int, position: int) -> None:
        """Add a decoding document's newest token. All of them come before the pieces."""
        self.tokens.append(token)
        self.positions.append(position)
        self.want_last()

    def add_piece(self, piece: Piece) -> None:
        """Add a piece of a prompt."""
        self.tokens += piece.ids
        self.positions += range(piece.before, piece.before + len(piece.ids))
        self.pieces.append(piece)

    def want_last(self) -> None:
        """Request the logits of the token added last."""
        self.last.append(len(self.tokens) - 1)

    @torch.inference_mode()
    def run(self, network: PreTrainedModel) -> torch.Tensor:
        """Compute the logits at `last`, places x vocabulary, with Transformers' own layers."""
        device = network.device
        output: Any = network(
            input_ids=torch.tensor([self.tokens], device=device),
            position_ids=torch.tensor([self.positions], device=device),
            use_cache=False,
            logits_to_keep=torch.tensor(self.last, dtype=torch.long, device=device),
            packed_step=self,
        )
        logits: torch.Tensor = output.logits[0]
        return logits

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
        query, key, value = packed
        decoding = 0
        if self.on_trial:
            self.windows[layer] = window
        outputs = []
        if self.decoding is not None:
            decoding = self.decoding.documents
            newest = query[:, :decoding], key[:, :decoding], value[:, :decoding]
            outputs.append(self.decoding.attend(layer, newest, scaling, window))
        if self.pieces:
            rest = query[:, decoding:], key[:, decoding:], value[:, decoding:]
            outputs += PromptAttention(scaling, window, self.softmax).attend(self.pieces, layer, rest)
        return torch.cat(outputs) if len(outputs) > 1 else outputs[0]


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: PackedMask | torch.Tensor | None,
    *,
    packed_step: PackedStep,
    scaling: float,
    sliding_window: int | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Attend as `packed_step` says. Query, key and value are 1 x heads x tokens x size.

    Raises TypeError if the model's attention has more terms, such as sinks or soft caps, or other masks.
    """
    for name in others.keys() - NO_TERMS:
        if others[name] is not None and not isinstance(others[name], bool):
            raise TypeError(f"the attention of {type(module).__name__} has the term {name}")
    if packed_step.on_trial and isinstance(mask, PackedMask):
        mask.check()
    layer: Any = module.layer_idx
    window = window_of(mask, module, sliding_window)
    output = packed_step.attend(layer, (query[0], key[0], value[0]), scaling, window)
    return output.unsqueeze(0), None


class Forward(Protocol):
    """A pass through a model."""

    def __call__(self, step: PackedStep) -> torch.Tensor:
        """Compute the logits at the step's `last`: places x vocabulary."""
        ...


AttentionInterface.register(PACKED, packed_attention)
register_masks(PACKED)
