"""Asks the grammar library what is wrong with a schema. It may crash or take long: see `fault_process`."""

import re
from typing import Any

import orjson

from qwenq.schemas.json_schema.subschemas import fault_place

LONGEST_REASON = 200

# One space, or a line end with an indent, as people and models write JSON. Unlimited space could go on forever.
# What a oneOf refuses beyond an anyOf is checked in the whole answer.
_OPTIONS = {"lenient": False, "coerce_one_of": True, "whitespace_pattern": r"( |\r?\n[ \t]{0,32})"}
_PANIC = "PanicException"
_TOO_LARGE = "schema too large"
_ADVICE = {
    "circular references with sibling keys": "remove what stands beside the $ref",
    "min/maxProperties only supported": "put minProperties and maxProperties beside these properties",
    "is not present in a registry": "copy that schema into $defs, and refer to it there",
    "lookarounds not supported": "use ^ and $ only at the ends of a pattern",
    "Unable to determine if regex is empty": "let fewer or simpler patterns meet",
}
_UNSUPPORTED = re.compile(r"Unimplemented keys: \[(.*)\]")


def fault_of(schema: dict[str, Any]) -> str | None:
    """Why the library cannot use this schema; None if it can."""
    from llguidance import LLMatcher

    try:
        message = LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(with_options(schema)))
    except BaseException as error:
        # The library's own failures have a class without a module to import it from, and are no Exception.
        if type(error).__name__ != _PANIC:
            raise
        return "the library of grammars fails with it"
    if not message:
        return None
    if unsupported := _UNSUPPORTED.search(message):
        return _not_supported(unsupported[1].replace('"', "").split(", "))
    if message.startswith("regex parse error"):
        return f"a pattern cannot be used: {message.rpartition('error: ')[2]}"
    reason = message.replace("Unsatisfiable schema", "no value satisfies it").partition("\n")[0]
    advice = next((f"; {advice}" for said, advice in _ADVICE.items() if said in message), "")
    return reason[:LONGEST_REASON] + advice


def has_place(reason: str) -> bool:
    """Whether a fault lies in a part. A schema is too large as a whole, and checking its parts would take long."""
    return reason != _TOO_LARGE


def place_of_fault(schema: dict[str, Any]) -> str:
    """The place of a schema's fault; # is the whole schema."""
    return fault_place(schema, lambda part: fault_of(part) is not None)


def with_options(schema: dict[str, Any]) -> str:
    """Return the schema as JSON with the library's options. They overwrite the author's, which could loosen it."""
    return orjson.dumps({**schema, "x-guidance": _OPTIONS}).decode()


def _not_supported(keywords: list[str]) -> str:
    if len(keywords) == 1:
        return f"the keyword {keywords[0]} is not supported"
    return f"the keywords {', '.join(keywords)} are not supported"
