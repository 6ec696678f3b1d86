"""What producers submit: jobs drawn from a seed, of documents whose answers are known."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from qwenq.worker.engines.echo.engine import ECHO_MODEL
from tests.chaos.world.tiny_model import Question

DEADLY = "deadly"
HANGING = "by hanging"
FLAWED = "flawed"
"""Text of a document that fails at each odd attempt."""
STANDING = "standing"
"""Text of a document that many orders share, so that an earlier answer can be reused."""
FLAWED_OF = 30
STANDING_OF_ORDERS = 3
PADDING_CHARS = 400_000
"""What each document of a wide order carries beside its text: a few of them fill a producer's batch."""


@dataclass(frozen=True, slots=True)
class Order:
    """A job to be submitted. `deadly` is the place of the document that kills its worker; `wide` documents are large.

    `answers` are what a sound engine says; None: what the documents say.
    """

    name: str
    texts: tuple[str, ...]
    deadly: int | None = None
    wide: bool = False
    reuse: bool = False
    model: str = ECHO_MODEL
    answers: tuple[str, ...] | None = None

    @property
    def ids(self) -> list[str]:
        """The documents' ids, in order."""
        return [f"d{place}" for place in range(len(self.texts))]

    def answer(self, place: int) -> str:
        """The right answer to the document at this place."""
        return (self.answers or self.texts)[place]

    def lines(self) -> Iterator[str]:
        """The input, a line a document."""
        padding = "x" * PADDING_CHARS if self.wide else ""
        for custom_id, text in zip(self.ids, self.texts, strict=True):
            yield json.dumps({"id": custom_id, "text": text, "padding": padding}) + "\n"


class OrderBook:
    """Endless orders, the same for the same seed. `questions` are documents for the tiny model."""

    def __init__(self, seed: int, documents: int, questions: Sequence[Question] = ()) -> None:
        self._drawn = random.Random(f"orders {seed}")
        self._documents = documents
        self._questions = questions
        self._numbers = count()

    def next(self) -> Order:
        """A job of ordinary documents, a few of them flawed; some jobs with --reuse, half of standing documents."""
        number, documents = next(self._numbers), self._size()
        if number % STANDING_OF_ORDERS:
            return self._order(number, documents, flawed=True)
        own = self._order(number, documents, flawed=True)
        # Most of these were in an earlier order; some are new.
        known = range(number, number + self._documents // 2)
        texts = [
            self._standing(self._drawn.choice(known)) if self._drawn.random() < 0.5 else text
            for text in own.texts
        ]
        return Order(own.name, tuple(texts), reuse=True)

    def real(self) -> Order:
        """A small job for the tiny model."""
        asked = self._drawn.choices(self._questions, k=16)
        texts, answers = zip(*((one.text, one.answer) for one in asked), strict=True)
        return Order(f"order-{next(self._numbers)}", texts, model=asked[0].model, answers=answers)

    def wide(self) -> Order:
        """A job that takes its producer several batches to store."""
        order = self._order(next(self._numbers), 60)
        return Order(order.name, order.texts, wide=True)

    def deadly(self) -> Order:
        """A small job with one document that kills the process that generates it."""
        return self._with_deadly(8)

    def hanging(self) -> Order:
        """A small job with one document that never ends."""
        return self._with_deadly(4, manner=f" {HANGING}")

    def _size(self) -> int:
        return self._drawn.randint(self._documents // 2, self._documents * 3 // 2)

    def _with_deadly(self, documents: int, manner: str = "") -> Order:
        order, place = self._order(next(self._numbers), documents), self._drawn.randrange(documents)
        texts = list(order.texts)
        texts[place] += f" and is {DEADLY}{manner}"
        return Order(order.name, tuple(texts), place)

    def _order(self, number: int, documents: int, *, flawed: bool = False) -> Order:
        name = f"order-{number}"
        texts = [
            f"{name} document {place} takes {self._drawn.randint(20, 300)} ms" for place in range(documents)
        ]
        for place in range(documents if flawed else 0):
            if self._drawn.randrange(FLAWED_OF) == 0:
                texts[place] += f" and is {FLAWED}"
        return Order(name, tuple(texts))

    def _standing(self, place: int) -> str:
        return f"{STANDING} document {place} takes {20 + place * 97 % 280} ms"
