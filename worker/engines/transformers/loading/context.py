"""How many tokens a prompt and its answer may have: what the model's rotary embedding makes of its context."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from transformers import PreTrainedConfig

from qwenq.schemas.errors import InvalidSetting

UNLIMITED = 2**31  # for models whose state does not grow


@dataclass(frozen=True, slots=True)
class Context:
    """The `usual` tokens, the `most` that QWENQ_CONTEXT may set, and why it may set no more."""

    usual: int
    most: int
    why: str

    @classmethod
    def of(cls, config: PreTrainedConfig) -> Self:
        """Read a configuration."""
        text = config.get_text_config(decoder=True)
        made_for: int = getattr(text, "max_position_embeddings", None) or UNLIMITED
        found = cls(made_for, made_for, "its config.json says max_position_embeddings")
        for rope in _ropes(text):
            found = found._with_rope(rope, made_for)
        return found

    def chosen(self, model: str, wanted: int | None) -> int:
        """Return the context to use. Raises InvalidSetting if `wanted` is more than the model can have."""
        if wanted is not None and wanted > self.most:
            raise InvalidSetting(
                name="QWENQ_CONTEXT",
                reason=f"{wanted} is more than {self.most}, the most that {model} can have: {self.why}",
            )
        return self.usual if wanted is None else wanted

    def _with_rope(self, rope: dict[str, Any], made_for: int) -> Self:
        factor = rope.get("factor") or 1
        original = rope.get("original_max_position_embeddings") or made_for
        match rope.get("rope_type"):
            case "yarn":
                longer = max(self.most, int(original * factor))
                return type(self)(max(self.usual, longer), longer, "its YaRN reaches so far")
            case "linear":
                # Many checkpoints have counted the factor into max_position_embeddings already.
                return type(self)(
                    self.usual, max(self.most, int(made_for * factor)), "its linear rope reaches so far"
                )
            case "longrope":
                why = "beyond, its LongRoPE would change the answers of shorter documents too"
                return type(self)(min(self.usual, original), min(self.most, original), why)
            case "dynamic":
                why = "beyond, its dynamic rope would change the answers of other documents too; a YaRN would not"
                return type(self)(min(self.usual, made_for), min(self.most, made_for), why)
            case _:
                return self


def _ropes(config: PreTrainedConfig) -> Iterator[dict[str, Any]]:
    """Yield what stretches the whole model; of ropes by the kind of layer, only those that must not grow."""
    rope = getattr(config, "rope_parameters", None) or {}
    if "rope_type" in rope:
        yield rope
        return
    for one in rope.values():
        if isinstance(one, dict) and one.get("rope_type") in ("longrope", "dynamic"):
            yield one
