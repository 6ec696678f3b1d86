"""The text part of a model that sees or hears: a configuration of its own, and where its weights lie.

For text alone all of such a model's positions are equal, so that its rope is the usual one: its text part is a Qwen2 or
Qwen3 with the same weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from transformers import CONFIG_MAPPING, PreTrainedConfig, PreTrainedModel

from qwenq.worker.engines.transformers.loading.kinds import TEXT_PARTS

KEYS = {
    r"^model\.language_model\.": "model.",
    r"^thinker\.model\.language_model\.": "model.",
    r"^thinker\.model\.": "model.",
    r"^thinker\.lm_head\.": "lm_head.",
}
"""Names of weights in such checkpoints, of the hub and as Transformers saves them, and those of the text part."""
_OF_ROPE_FOR_PICTURES = ("mrope_section", "mrope_interleaved")
_ALWAYS: Mapping[str, Mapping[str, Any]] = {"qwen3_vl_moe": {"norm_topk_prob": True}}
"""What such models do, whatever their configuration says."""
_LAID_OUT_OTHERWISE = {"qwen3_vl_moe"}
"""Their experts are stored transposed."""
_KEPT_APART = {
    "model_type",
    "architectures",
    "transformers_version",
    "tie_word_embeddings",
    "rope_parameters",
}


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text part's configuration. `own_type` is its type; until it is loaded, the configuration may name another."""

    config: PreTrainedConfig
    own_type: str

    @classmethod
    def of(cls, whole: PreTrainedConfig) -> Self | None:
        """Find the text part; None if the model is one of text alone, or has no text part of a known type."""
        own_type = TEXT_PARTS.get(whole.model_type)
        if own_type is None:
            return None
        head: Any = getattr(whole, "thinker_config", whole)
        text = head.get_text_config(decoder=True).to_dict()
        rope = text.get("rope_parameters") or {}
        kind: Any = CONFIG_MAPPING[own_type]
        names = {stored: name for name, stored in kind.attribute_map.items()}
        given = {names.get(name, name): value for name, value in text.items() if name not in _KEPT_APART}
        config = kind(
            **{**given, **_ALWAYS.get(whole.model_type, {})},
            rope_parameters={name: rope[name] for name in rope if name not in _OF_ROPE_FOR_PICTURES},
            tie_word_embeddings=head.tie_word_embeddings,
        )
        config.dtype = whole.dtype
        for name in ("quantization_config", "_commit_hash"):
            if (found := getattr(whole, name, None)) is not None:
                setattr(config, name, found)
        if whole.model_type in _LAID_OUT_OTHERWISE:
            config.model_type = whole.model_type  # Transformers converts weights by the type
        return cls(config, own_type)

    def name_own_type(self, network: PreTrainedModel) -> None:
        """Name the text part's own type, once it is loaded."""
        config: Any = network.config
        config.model_type = self.own_type


def keys_of(part: TextPart | None) -> Mapping[str, str] | None:
    """How weights are renamed, for Transformers."""
    return None if part is None else KEYS
