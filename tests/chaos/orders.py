"""What producers submit: jobs drawn from a seed, each of documents whose answers can be told from their ids."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

DEADLY = "deadly"
HANGING = "by hanging"
PADDING_CHARS = 400_000
"""What each document of a wide order carries beside its text: some of them fill a batch of the producer."""


@dataclass(frozen=True, slots=True)
class Order:
    """A job to be submitted. `deadly` is the place of the document that kills its worker; `wide` ones are large."""

    name: str
    texts: tuple[str, ...]
    deadly: int | None = None
    wide: bool = False

    @property
    def ids(self) -> list[str]:
        """The documents' ids, in order."""
        return [f"d{place}" for place in range(len(self.texts))]

    def lines(self) -> Iterator[str]:
        """The input, a line a document."""
        padding = "x" * PADDING_CHARS if self.wide else ""
        for custom_id, text in zip(self.ids, self.texts, strict=True):
            yield json.dumps({"id": custom_id, "text": text, "padding": padding}) + "\n"


class OrderBook:
    """Orders without end, the same for the same seed."""

    def __init__(self, seed: int, documents: int) -> None:
        self._drawn = random.Random(f"orders {seed}")
        self._documents = documents
        self._numbers = iter(range(10**9))

    def next(self) -> Order:
        """A job of ordinary documents."""
        return self._order(self._drawn.randint(self._documents // 2, self._documents * 3 // 2))

    def wide(self) -> Order:
        """A job that takes its producer several batches to store."""
        return self._order(60, wide=True)

    def deadly(self) -> Order:
        """A small job with one document that kills whoever generates it."""
        return self._order(8, deadly=self._drawn.randrange(8))

    def hanging(self) -> Order:
        """A small job with one document that never ends."""
        return self._order(4, deadly=self._drawn.randrange(4), manner=f" {HANGING}")

    def _order(
        self, documents: int, deadly: int | None = None, *, wide: bool = False, manner: str = ""
    ) -> Order:
        name = f"order-{next(self._numbers)}"
        texts = [
            f"{name} document {place} takes {self._drawn.randint(20, 300)} ms" for place in range(documents)
        ]
        if deadly is not None:
            texts[deadly] += f" and is {DEADLY}{manner}"
        return Order(name, tuple(texts), deadly, wide)
