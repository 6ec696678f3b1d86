"""Make the grammar that answers with a JSON schema must follow."""

import re
from functools import lru_cache
from typing import Any

import orjson

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema.checking import checked_schema
from qwenq.schemas.json_schema.subschemas import fault_place, has_finite_value

LONGEST_REASON = 200

# One space, or a line end with an indent, as people and models write JSON. Unlimited space could go on forever.
_OPTIONS = {"lenient": False, "whitespace_pattern": r"( |\r?\n[ \t]{0,32})"}
# An empty line follows the reasoning.
_AFTER_REASONING = 'start: ("\\n" | "\\n\\n")? answer\nanswer: %json '
_TOO_LARGE = "schema too large"
_OVERLAP = "oneOf constraints are not supported"
_UNSUPPORTED = re.compile(r"Unimplemented keys: \[(.*)\]")


@lru_cache(maxsize=256)
def answer_grammar(schema_text: str, *, after_reasoning: bool = False) -> str:
    """The grammar of answers that satisfy a JSON schema, in llguidance's notation.

    Raises InvalidSchema if it is not a schema, nothing satisfies it, it is too large, or a keyword is not supported.
    """
    from llguidance import LLMatcher

    schema = checked_schema(schema_text)
    if reason := _fault(schema):
        # A schema is too large as a whole, and checking its subschemas would take long.
        whole = reason == _TOO_LARGE
        place = "#" if whole else fault_place(schema, lambda part: _fault(part) is not None)
        raise InvalidSchema(reason=reason if place == "#" else f"{reason}, at {place}")
    if not has_finite_value(schema):
        raise InvalidSchema(reason="no value satisfies it: it contains itself without end")
    if after_reasoning:
        return LLMatcher.grammar_from_lark(_AFTER_REASONING + _with_options(schema))
    return LLMatcher.grammar_from_json_schema(_with_options(schema))


def _fault(schema: dict[str, Any]) -> str | None:
    """Why the library cannot use this schema; None if it can."""
    from llguidance import LLMatcher

    message = LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(_with_options(schema)))
    if not message:
        return None
    if unsupported := _UNSUPPORTED.search(message):
        return _not_supported(unsupported[1].replace('"', "").split(", "))
    if _OVERLAP in message:
        return "the choices of a oneOf may overlap, which is not supported; use anyOf"
    if message.startswith("regex parse error"):
        return f"a pattern cannot be used: {message.rpartition('error: ')[2]}"
    return message.replace("Unsatisfiable schema", "no value satisfies it").partition("\n")[0][
        :LONGEST_REASON
    ]


def _not_supported(keywords: list[str]) -> str:
    if len(keywords) == 1:
        return f"the keyword {keywords[0]} is not supported"
    return f"the keywords {', '.join(keywords)} are not supported"


def _with_options(schema: dict[str, Any]) -> str:
    # The library reads its options here. This overwrites the author's, which could loosen the schema.
    return orjson.dumps({**schema, "x-guidance": _OPTIONS}).decode()
