"""Documents drawn for drawn templates: their columns hold values of every kind and size."""

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.fuzzing.scales import Scale

Columns = Mapping[str, Any]
_DEEPEST = 4
_STRINGS = (
    *("a", "a ", "ab", "\n", "\t", "<b>", "&amp;", "%s", "%(a)s", "%("),
    *("{}", "{0[a]}", "東", "\U0001f600", "9", "-"),
)


class DocumentDrawing:
    """Draws documents; the same ones for the same seed."""

    def __init__(self, seed: str, scale: Scale) -> None:
        self._random = Random(seed)
        self._scale = scale

    def columns(self) -> Columns:
        """A document's columns: a fixed share has the largest size, the others any size below."""
        largest, is_large = self._scale.largest, self._random.random() < self._scale.large
        size = int(10 ** (largest if is_large else min(self._random.expovariate(0.5), largest)))
        text = self._text(size)
        values: dict[str, Any] = {
            "text": text,
            "t": self._text(int(size ** self._random.random())),
            "l": [
                self._value(size // 10, depth=0)
                for _ in range(min(size, self._random.choice(self._scale.members)))
            ]
            if size < 10_000
            else self._random.choice(
                ([text[:9]] * (size // 100), list(range(size // 8)), text[:size].split("a"))
            ),
            "d": {str(one): self._value(size // 10, depth=1) for one in range(self._random.randint(0, 5))},
            "n": self._random.choice((0, 1, -1, 7, 10**18, 2**63)),
            "f": self._random.choice((0.5, 1e308, 5e-324, -0.0)),
        }
        if self._random.random() < 0.1:
            values["messages"] = [{"role": "user", "content": text or "a"}]
        return values

    def _text(self, size: int) -> str:
        piece = self._random.choice(_STRINGS)
        text = piece * (size // len(piece) + 1)
        return text + self._random.choice(("", "b", "<", "%"))

    def _value(self, size: int, depth: int) -> Any:
        kind = self._random.randint(0, 6 if depth < _DEEPEST else 3)
        match kind:
            case 0 | 1:
                return self._text(self._random.randint(0, min(size, 1_000)))
            case 2:
                return self._random.choice((0, 1, 2**61 - 1, -1, 10**18))
            case 3:
                return self._random.choice((0.5, None, True, 1e300))
            case 4 | 5:
                return [self._value(size // 4, depth + 1) for _ in range(self._random.randint(0, 4))]
            case _:
                return {"a": self._value(size // 4, depth + 1), "b": self._value(size // 4, depth + 1)}
