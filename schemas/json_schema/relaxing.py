"""Rewrites a schema for the grammar library: what it holds exactly is said in its words, the rest is left out.

What is left out is checked when the answer is there, by `answer_check`.
"""

import re
from collections.abc import Iterator
from typing import Any

from qwenq.schemas.json_schema.subschemas import Node, every_subschema, referred

HELD_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"}
)
"""Those with a grammar. Others are checked in the whole answer if JSON Schema has them; else they are only notes."""
_LEAP = "(?:0[48]|[2468][048]|[13579][26])"
_DATE = (
    "(?:(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|(?:[0-9]{{2}}{_LEAP}|{_LEAP}00)-02-29)"
)
_TIME = (
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:[.][0-9]+)?"
    "(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_EXACT = {"date": f"^{_DATE}$", "date-time": f"^{_DATE}[tT]{_TIME}$"}
"""Patterns of formats whose grammar in the library takes dates that do not exist."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_EXACT_NUMBER = 2**53  # the library computes bounds in 64-bit floats
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?")


def relax(schema: dict[str, Any]) -> bool:
    """Rewrite a schema in place. Returns whether something must be checked in the answers."""
    found = [_relax(part) for part in _parts(schema)]
    return any(found)


def _parts(root: Node) -> Iterator[dict[str, Any]]:
    """All subschemas that are objects, with those that a `$ref` finds in unusual places."""
    waiting, seen = [root], set()
    while waiting:
        for part in every_subschema(waiting.pop()):
            if isinstance(part, dict) and id(part) not in seen:
                seen.add(id(part))
                yield part
                if (link := referred(root, part)) is not None and id(link[1]) not in seen:
                    waiting.append(link[1])


def _relax(part: dict[str, Any]) -> bool:
    must_check = False
    form = part.get("format")
    if isinstance(form, str):
        if form in _EXACT:
            del part["format"]
            _demand(part, _EXACT[form])
        elif form not in HELD_FORMATS:
            del part["format"]
    pattern = part.get("pattern")
    if isinstance(pattern, str) and any(look in pattern for look in _LOOKS):
        part["pattern"] = without_lookaround(pattern)
        must_check = True
    if isinstance(part.get("uniqueItems"), bool):
        must_check |= part.pop("uniqueItems")
    for name in _BOUNDS:
        bound = part.get(name)
        if isinstance(bound, int | float) and abs(bound) > _EXACT_NUMBER:
            del part[name]
            must_check = True
    return must_check


def _demand(part: dict[str, Any], pattern: str) -> None:
    if "pattern" not in part:
        part["pattern"] = pattern
    elif isinstance(part.setdefault("allOf", []), list):
        part["allOf"] = [*part["allOf"], {"pattern": pattern}]


def without_lookaround(pattern: str) -> str:
    """The pattern without its look-aheads and look-behinds: it matches the same texts and more."""
    kept: list[str] = []
    at = 0
    while at < len(pattern):
        if pattern.startswith(_LOOKS, at):
            at = _end_of_group(pattern, at)
            quantifier = _QUANTIFIER.match(pattern, at)
            at = quantifier.end() if quantifier else at
            continue
        end = _end_of_unit(pattern, at)
        kept.append(pattern[at:end])
        at = end
    return "".join(kept)


def _end_of_group(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        unit = pattern[at : (end := _end_of_unit(pattern, at))]
        depth += (unit == "(") - (unit == ")")
        at = end
        if not depth:
            break
    return at


def _end_of_unit(pattern: str, at: int) -> int:
    """The end of an escape, a class in brackets or a single character."""
    if pattern[at] == "\\":
        return min(at + 2, len(pattern))
    if pattern[at] != "[":
        return at + 1
    end = at + 1
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return min(end + 1, len(pattern))
