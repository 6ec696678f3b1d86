"""Looks for a way of writing a value that a grammar takes: in any order of properties, with 2 for 2.0."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llguidance import LLMatcher, LLTokenizer

MOST_TRIES = 20_000

Rest = tuple[Any, "Rest"] | None
"""What is still to be written: a text, a value or the members of an object, and what follows it."""


class _Members(dict[str, Any]):
    """Members of an object that are not written yet. Those in `due` were possible before and must still be.

    `waiting` is how many other ways there were when the object began.
    """

    due: frozenset[str] = frozenset()
    waiting: int = 0


Way = tuple[LLMatcher, str, Rest]
"""A matcher, the text that it has taken, and what is still to be written."""


class _Elements(list[Any]):
    """Elements of an array that are not written yet."""


class Writing:
    """Tries names in the order of `names` first. `furthest` is the longest beginning that a grammar took."""

    def __init__(self, tokenizer: LLTokenizer, names: Mapping[str, int]) -> None:
        self._tokenizer = tokenizer
        self._names = names
        self._tries = MOST_TRIES
        self.furthest = ""

    @property
    def note(self) -> str:
        """Says so if not all ways were tried."""
        return "" if self._tries > 0 else f", and {MOST_TRIES:,} tries were not enough"

    def of(self, value: Any, matcher: LLMatcher) -> str | None:
        """A text of the value that the grammar takes; None if none was found."""
        as_it_is = _written(value)
        if (after := self._after(matcher, as_it_is)) and after.is_accepting():
            return as_it_is
        for hasty, orderly in ((True, True), (False, True), (True, False)):
            self._tries = MOST_TRIES
            text = self._search(value, matcher, hasty=hasty, orderly=orderly)
            if text is not None:
                return text
        return None

    def _search(self, value: Any, matcher: LLMatcher, *, hasty: bool, orderly: bool) -> str | None:
        """Look for a text. In haste, an object that could be written is never written in another way.

        Orderly, no member is passed over that was possible before.
        """
        waiting: list[Way] = [(matcher, "", (value, None))]
        while waiting and self._tries > 0:
            matcher, text, rest = waiting.pop()
            if rest is None:
                if matcher.is_accepting():
                    return text
                continue
            ways = self._ways(*rest, is_first=text.endswith(("{", "[")))
            taken = [
                (after, text + more, then) for more, then in ways if (after := self._after(matcher, more))
            ]
            for _, begun, _ in taken:
                self.furthest = max(self.furthest, begun, key=len)
            if isinstance(rest[0], dict) and taken:
                _note(rest[0], taken, waiting, hasty=hasty)
            if not (orderly and isinstance(rest[0], _Members)) or rest[0].due <= _possible(rest[0], taken):
                waiting.extend(reversed(taken))
        return None

    def _ways(self, value: Any, rest: Rest, *, is_first: bool) -> Iterator[tuple[str, Rest]]:
        """What may be written next, and what follows it."""
        comma = "" if is_first else ", "
        match value:
            case _Members():
                for name in sorted(value, key=lambda name: self._names.get(name, len(self._names))):
                    others = _Members({other: value[other] for other in value if other != name})
                    yield f"{comma}{_written(name)}: ", (value[name], (others, rest))
                if not value:
                    yield "}", rest
            case _Elements():
                yield (comma, (value[0], (_Elements(value[1:]), rest))) if value else ("]", rest)
            case dict():
                yield "{", (_Members(value), rest)
            case list():
                yield "[", (_Elements(value), rest)
            case float() if value.is_integer():
                yield _written(int(value)), rest
                yield _written(value), rest
            case _:
                yield _written(value), rest

    def _after(self, matcher: LLMatcher, text: str) -> LLMatcher | None:
        """A matcher that has taken the text too; None if the grammar does not."""
        self._tries -= 1
        ids = self._tokenizer.tokenize_str(text)
        if matcher.validate_tokens(ids) < len(ids):
            return None
        after = matcher.deep_copy()
        after.consume_tokens(ids)
        return after


def _note(value: dict[str, Any], taken: list[Way], waiting: list[Way], *, hasty: bool) -> None:
    """Note what an object's other members must keep to. In haste, drop the other ways of a whole object."""
    if not isinstance(value, _Members):
        begun = _next_of(taken[0])
        begun.waiting = len(waiting)
    elif not value:
        del waiting[value.waiting if hasty else len(waiting) :]
    else:
        possible = _possible(value, taken)
        for way in taken:
            others = _next_of(way, place=1)
            others.due = possible & others.keys()
            others.waiting = value.waiting


def _possible(value: _Members, taken: list[Way]) -> frozenset[str]:
    """The members that may be written next."""
    if not value:
        return frozenset()
    return frozenset[str]().union(*(value.keys() - _next_of(way, place=1).keys() for way in taken))


def _next_of(way: Way, place: int = 0) -> _Members:
    """The members that a way leaves, which may come after other values."""
    rest = way[2]
    for _ in range(place):
        rest = rest[1] if rest else None
    assert rest is not None
    assert isinstance(rest[0], _Members)
    return rest[0]


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
