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
_ONLY_CHECKED = (
    *("not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames", "uniqueItems"),
    *("dependencies", "dependentRequired", "dependentSchemas", "unevaluatedItems", "unevaluatedProperties"),
    *("$dynamicRef", "$recursiveRef", "$recursiveAnchor"),
)
"""Keywords without a grammar: an answer that satisfies the others may violate them."""
_DRAFTS = frozenset(
    {f"http://json-schema.org/draft-0{number}/schema" for number in (4, 6, 7)}
    | {f"https://json-schema.org/draft/{year}/schema" for year in ("2019-09", "2020-12")}
)
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
_BACK_REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9k]")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?")


def relax(schema: dict[str, Any]) -> bool:
    """Rewrite a schema in place, so that its grammar takes every valid answer, and few others.

    Returns whether something must be checked in the answers.
    """
    if str(schema.get("$schema")).rstrip("#") not in _DRAFTS:
        schema.pop("$schema", None)  # another dialect is read as the newest draft
    found = [_relax(schema, part) for part in parts_of(schema)]
    return any(found)


def parts_of(root: Node) -> Iterator[dict[str, Any]]:
    """All subschemas that are objects, with those that a `$ref` finds in unusual places."""
    waiting, seen = [root], set()
    while waiting:
        for part in every_subschema(waiting.pop()):
            if isinstance(part, dict) and id(part) not in seen:
                seen.add(id(part))
                yield part
                if (link := referred(root, part)) is not None and id(link[1]) not in seen:
                    waiting.append(link[1])


def _relax(root: Node, part: dict[str, Any]) -> bool:
    steps = (_relax_format, _relax_patterns, _relax_bounds, _relax_counts)
    must_check = _relax_keywords(root, part)
    for step in steps:
        must_check |= step(part)
    return must_check


def _relax_keywords(root: Node, part: dict[str, Any]) -> bool:
    """Remove what has no grammar, and hold the part of it that has one."""
    if "$dynamicAnchor" in part:
        part.setdefault("$anchor", part.pop("$dynamicAnchor"))
    if part.get("not") in ({}, True):
        part["enum"] = []
    fewest, already = part.get("minContains", 1), part.get("minItems", 0)
    if "contains" in part and isinstance(fewest, int) and isinstance(already, int):
        part["minItems"] = max(fewest, already)
    _hold_names(root, part)
    removed = [part.pop(name) for name in _ONLY_CHECKED if name in part]
    # A oneOf is a choice in the grammar. Two of its branches may hold at once.
    return any(value is not False for value in removed) or "oneOf" in part


def _hold_names(root: Node, part: dict[str, Any]) -> None:
    """Say the `propertyNames` of a map, such as `dict[Color, int]` in pydantic, as properties or a pattern."""
    names = part.get("propertyNames")
    link = referred(root, names)
    names = link[1] if link else names
    if not isinstance(names, dict) or "patternProperties" in part:
        return
    known, values = part.get("properties", {}), part.get("additionalProperties", True)
    listed = [names["const"]] if "const" in names else names.get("enum")
    if isinstance(listed, list) and isinstance(known, dict):
        texts = (name for name in listed if isinstance(name, str))
        part["properties"] = known | {name: values for name in texts if name not in known}
        part["additionalProperties"] = False
    elif isinstance(names.get("pattern"), str) and not known:
        part["patternProperties"] = {names["pattern"]: values}
        part["additionalProperties"] = False


def _relax_format(part: dict[str, Any]) -> bool:
    form = part.get("format")
    if isinstance(form, str):
        if form in _EXACT:
            del part["format"]
            _demand(part, _EXACT[form])
        elif form not in HELD_FORMATS:
            del part["format"]
    return False


def _relax_patterns(part: dict[str, Any]) -> bool:
    must_check = False
    pattern = part.get("pattern")
    if isinstance(pattern, str) and not _has_grammar(pattern):
        part["pattern"] = without_lookaround(pattern)
        if not _has_grammar(part["pattern"]):
            del part["pattern"]
        must_check = True
    named = part.get("patternProperties")
    if isinstance(named, dict) and not all(map(_has_grammar, named)):
        # Which names have which values is open then.
        del part["patternProperties"]
        part["additionalProperties"] = True
        must_check = True
    return must_check


def _has_grammar(pattern: str) -> bool:
    return not any(look in pattern for look in _LOOKS) and _BACK_REFERENCE.search(pattern) is None


def _relax_bounds(part: dict[str, Any]) -> bool:
    must_check = False
    for name in _BOUNDS:
        bound = part.get(name)
        if isinstance(bound, int | float) and abs(bound) > _EXACT_NUMBER:
            del part[name]
            must_check = True
    return must_check


def _relax_counts(part: dict[str, Any]) -> bool:
    """Remove counts of properties that the library cannot hold beside optional ones."""
    known, required = part.get("properties"), part.get("required", [])
    fewest, most = part.get("minProperties", 0), part.get("maxProperties")
    if not (isinstance(known, dict) and isinstance(required, list) and isinstance(fewest, int)):
        return False
    if not isinstance(most, int | None) or not known.keys() - set(filter(_is_text, required)):
        return False
    needed = fewest - len(required)
    room = 1 if most is None else most - len(required)
    is_closed = part.get("additionalProperties") is False and "patternProperties" not in part
    if (needed <= 0 and most is None) or (needed <= 1 and room == 1 and is_closed):
        return False
    part.pop("minProperties", None)
    part.pop("maxProperties", None)
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


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
