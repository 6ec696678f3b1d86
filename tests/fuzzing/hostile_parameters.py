"""Hostile parameters of rows, drawn with a seed: JSON schemas and stop strings made of what costs much."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DIVISORS = (
    0,
    1,
    7,
    9_973,
    10_000,
    99_991,
    9_999_991,
    2**32 - 5,
    1e30,
    0.01,
    0.07,
    1e-9,
    1e300,
    1e-300,
    5e-324,
    123.456789,
)
_COUNTS = (0, 1, 3, 100, 2_000, 50_000, 10**9, 2**63, -1, 1.5)
_NUMBERS = (0, 1, -1, 0.1, 1e-12, 123456789.123456789, 10**15, 1e308, -1e308, 5e-324, 2**53, 1e40)
_SOUND_PATTERNS = (
    r"(a|aa)*b",
    r"(.*a){25}",
    r"(a*)*(b*)*c",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"[\p{L}\p{N}]{1,500}",
    r".{0,5000}x.{0,5000}",
    r"(.*)(.*)(.*)(.*)z",
    r"((a{100}){100}){100}",
    r"(?i)straße.{300}",
    r"(x+x+)+y",
    r"[^\x00-\x7f]{200}",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"(" + "|".join(f"w{i}" for i in range(300)) + r"){1,40}",
    r".*a.{18}",
    r".*(a|b).{14}(c|d)",
    r"(.*1.{10}|.*2.{11}|.*3.{12})",
)
_PATTERNS = (
    *_SOUND_PATTERNS,
    r"(?=a)b",
    r"(a)\1",
    "(" * 60 + "a" + ")*" * 60,
    "[",
    r"(a{1000}){1000}",
    "^.*$\n",
)
_FORMATS = (
    "date",
    "date-time",
    "time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "uri",
    "regex",
    "x",
)
_NAMES = ("a", "b", "total", "ü", "", "x" * 300, "$ref", "a/b", "a~b", '"', "\\", "\u0000", "$defs")
_LETTERS = ("a", "ab", "aab", "\n", "é", "漢", "\u0000", "🙂", "abcabd", "<|im_end|>")
MOST_NODES = 400


def hostile_parameters(seed: int, count: int) -> Iterator[Mapping[str, Any]]:
    """Draw `count` rows' parameters, as the fields of a batch line's body."""
    draw = random.Random(seed)
    for _ in range(count):
        if draw.random() < 0.25:
            yield {"stop": _stops(draw)}
        else:
            yield {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": _Schema(draw).any(0)},
                }
            }


def _stops(draw: random.Random) -> Any:
    length = draw.choice((1, 10, 900, 1_000, 1_001, 30_000, 250_000))
    count = draw.choice((1, 2, 4, 50, 60, 5_000))
    if length * count > 400_000:
        count = max(1, 400_000 // length)
    one = draw.choice(_LETTERS) * length
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: one[:length],
        lambda: [one[: max(1, length - place)] for place in range(count)],
        lambda: [one[place % length :][:length] or "x" for place in range(count)],
        lambda: ["".join(draw.choices("ab", k=length)) for _ in range(count)],
        lambda: ["".join(draw.choices("abcdefgh é", k=length)) for _ in range(count)],
        lambda: [draw.choice(_NUMBERS)],
        lambda: {"a": one[:10]},
    )
    return draw.choice(kinds)()


class _Schema:
    """Draws one schema, of few enough nodes to fit into a row."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._left = draw.choice((3, 10, 40, MOST_NODES))
        # Most schemas are sound as far as they can be: a schema that is refused at once hides what is in it.
        self._odd_share = draw.choice((0.0, 0.0, 0.0, 0.02, 0.3))
        self._kinds = (
            self._number, self._number, self._string, self._string, self._array, self._object, self._object,
            self._combined, self._combined, self._reference, self._enum, self._wide,
        )  # fmt: skip

    def any(self, depth: int) -> Any:
        """Draw a schema, whose subschemas lie at most some 70 deep."""
        self._left -= 1
        if self._left < 0 or depth > self._draw.choice((3, 6, 70)):
            return self._draw.choice(({}, True, {"type": "string"}, {"type": "integer"}))
        kind = self._odd if self._draw.random() < self._odd_share else self._draw.choice(self._kinds)
        found = kind(depth + 1)
        if depth == 0:
            found.setdefault(
                "$defs",
                {
                    "d": self.any(1),
                    "e": {"$ref": "#/$defs/d"},
                    "f": {"allOf": [{"$ref": "#/$defs/e"}, self.any(2)]},
                },
            )
        return found

    def _number(self, _depth: int) -> dict[str, Any]:
        draw = self._draw
        found: dict[str, Any] = {"type": draw.choice(("integer", "number", ["integer", "null"]))}
        if draw.random() < 0.6:
            odd = draw.random() < self._odd_share
            found["multipleOf"] = (
                draw.choice(_DIVISORS) if odd else draw.choice((1, 0.01, 7, 0.25, 97, 9_973, 10_000))
            )
        for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
            if draw.random() < 0.15:
                found[name] = draw.choice(_NUMBERS)
        return found

    def _string(self, _depth: int) -> dict[str, Any]:
        draw = self._draw
        found: dict[str, Any] = {"type": "string"}
        if draw.random() < 0.5:
            found["pattern"] = draw.choice(_PATTERNS if draw.random() < self._odd_share else _SOUND_PATTERNS)
        if draw.random() < 0.3:
            found["format"] = draw.choice(_FORMATS if draw.random() < self._odd_share else _FORMATS[:-2])
        for name in ("minLength", "maxLength"):
            if draw.random() < 0.3:
                found[name] = self._count()
        return found

    def _count(self) -> float:
        return self._draw.choice(_COUNTS if self._draw.random() < self._odd_share else _COUNTS[:6])

    def _array(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        found: dict[str, Any] = {"type": "array", "items": self.any(depth)}
        if draw.random() < 0.3:
            found["prefixItems"] = [self.any(depth) for _ in range(draw.choice((1, 5, 60)))]
        for name in ("minItems", "maxItems"):
            if draw.random() < 0.4:
                found[name] = self._count()
        return found

    def _object(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        names = [draw.choice(_NAMES) + str(place) for place in range(draw.choice((1, 4, 30)))]
        found: dict[str, Any] = {"type": "object", "properties": {name: self.any(depth) for name in names}}
        found["required"] = [
            *names[: draw.randrange(len(names) + 1)],
            *draw.choices(_NAMES, k=draw.randrange(3)),
        ]
        if draw.random() < 0.3:
            found["patternProperties"] = {
                draw.choice(_SOUND_PATTERNS): self.any(depth) for _ in range(draw.choice((1, 3, 20)))
            }
        if draw.random() < 0.4:
            found["additionalProperties"] = draw.choice((False, True, self.any(depth)))
        for name in ("minProperties", "maxProperties"):
            if draw.random() < self._odd_share:
                found[name] = self._count()
        return found

    def _combined(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        branches = [self.any(depth) for _ in range(draw.choice((1, 2, 3, 12, 40)))]
        found: dict[str, Any] = {draw.choice(("allOf", "allOf", "anyOf", "oneOf")): branches}
        if draw.random() < 0.4:
            found |= draw.choice((self._number, self._string, self._object))(depth)
        if draw.random() < 0.2:
            found["anyOf"] = [self.any(depth) for _ in range(draw.choice((2, 8)))]
        return found

    def _reference(self, _depth: int) -> dict[str, Any]:
        draw = self._draw
        sound = ("#/$defs/d", "#/$defs/e", "#/$defs/f")
        target = draw.choice(
            sound
            if draw.random() > self._odd_share
            else (
                "#",
                "#/$defs/d",
                "#/$defs/e",
                "#/$defs/f",
                "#/properties/a0",
                "#anchor",
                "http://127.0.0.1:1/x",
                "#/$defs/none",
            )
        )
        return {"$ref": target} | ({"multipleOf": draw.choice(_DIVISORS)} if draw.random() < 0.2 else {})

    def _enum(self, _depth: int) -> dict[str, Any]:
        draw = self._draw
        count = draw.choice((0, 1, 30, 2_000))
        values: list[Any] = [f"{draw.choice(_NAMES)[:20]}{place}" for place in range(count)]
        return draw.choice(
            (
                {"enum": values},
                {"const": values},
                {"enum": [values, None, 1.5]},
                {"const": draw.choice(_NUMBERS)},
            )
        )

    def _odd(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        name = draw.choice(
            (
                "type",
                "properties",
                "items",
                "required",
                "allOf",
                "multipleOf",
                "minItems",
                "pattern",
                "$ref",
                "enum",
                "not",
                "if",
                "contains",
                "uniqueItems",
                "dependentRequired",
                "x-guidance",
            )
        )
        return {name: draw.choice((None, True, 1, -1, "x", [], {}, [1, "a", None], self.any(depth)))}

    def _wide(self, _depth: int) -> dict[str, Any]:
        """Draw many cheap parts, which cost much together."""
        draw = self._draw
        count = draw.choice((50, 500, 1_200))
        part = draw.choice((self._number, self._string))
        return draw.choice(
            (
                lambda: {"type": "object", "properties": {f"p{place}": part(1) for place in range(count)}},
                lambda: {"anyOf": [part(1) for _ in range(count)]},
                lambda: {"allOf": [{"$ref": "#"} for _ in range(count)]},
                lambda: {"anyOf": [{"allOf": [{"$ref": "#/$defs/d"}, part(1)]} for _ in range(count)]},
                lambda: {
                    "allOf": [{"anyOf": [part(1) for _ in range(8)]} for _ in range(draw.choice((2, 4, 9)))]
                },
            )
        )()
