"""What the cards of models advise for sampling, looked up by a model's name in cards.toml."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("cards.toml")

Advice = Mapping[str, float]
"""Values by the names of GenerationParams."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A card's advice for answers with and without thinking; None for a mode that it does not know.

    `no_greedy`: it advises to sample while thinking, because greedy decoding may repeat itself without end.
    """

    pattern: str
    source: str
    thinking: Advice | None = None
    plain: Advice | None = None
    no_greedy: bool = False

    def advice(self, *, thinking: bool) -> Advice:
        """The advice for a mode, or for the only one that the card knows."""
        return (self.thinking if thinking else self.plain) or self.thinking or self.plain or {}

    def advises_against_greedy(self, *, thinking: bool) -> bool:
        """Whether the card advises against greedy decoding in this mode. A model without another always thinks."""
        return self.no_greedy and (thinking or self.plain is None)


def card_of(model: str) -> ModelCard | None:
    """The card of a model, by the last part of its hub id or folder, without @revision. None: none is known."""
    name = re.split(r"[/\\]", model.rstrip("/\\"))[-1].partition("@")[0].lower()
    return next((card for card in model_cards() if re.match(card.pattern, name)), None)


@cache
def model_cards() -> tuple[ModelCard, ...]:
    """All cards, in the order of the table."""
    return tuple(ModelCard(**entry) for entry in tomllib.loads(TABLE.read_text("utf-8"))["card"])
