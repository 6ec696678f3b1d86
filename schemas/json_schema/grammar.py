"""Make the grammar that answers with a JSON schema must follow."""

from functools import lru_cache
from typing import Any

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema.answer_check import answer_check
from qwenq.schemas.json_schema.checking import checked_schema
from qwenq.schemas.json_schema.fault_process import fault_process
from qwenq.schemas.json_schema.faults import fault_of, has_place, place_of_fault, with_options
from qwenq.schemas.json_schema.loosening import loosening_of
from qwenq.schemas.json_schema.plain import is_plain
from qwenq.schemas.json_schema.subschemas import has_finite_value

# An empty line follows the reasoning.
_AFTER_REASONING = 'start: ("\\n" | "\\n\\n")? answer\nanswer: %json '


def answer_grammar(schema_text: str, *, after_reasoning: bool = False) -> str:
    """The grammar of answers that satisfy a JSON schema, in llguidance's notation.

    A schema that is not plain is judged in a process that can be killed, once. Raises InvalidSchema if it is not a
    schema, nothing satisfies it, it is too large, a keyword is not supported, or judging it goes too far.
    """
    reason, grammar = _judged(schema_text, after_reasoning)
    if reason:
        raise InvalidSchema(reason=reason)
    return grammar


@lru_cache(maxsize=256)
def _judged(schema_text: str, after_reasoning: bool) -> tuple[str, str]:  # noqa: FBT001 - said by its only caller
    """Return why a schema cannot be used and "", or "" and its grammar."""
    from llguidance import LLMatcher

    try:
        schema = checked_schema(schema_text)
    except InvalidSchema as error:
        return error.reason, ""
    reason = _fault(schema, plain=is_plain(schema_text))
    if reason and (loosen := loosening_of(reason)) and not answer_check(schema_text).problem:
        loosen(schema)
        reason = _fault(schema, plain=False)
    if reason:
        return reason, ""
    if not has_finite_value(schema):
        return "no value satisfies it: it contains itself without end", ""
    if after_reasoning:
        return "", LLMatcher.grammar_from_lark(_AFTER_REASONING + with_options(schema))
    return "", LLMatcher.grammar_from_json_schema(with_options(schema))


def _fault(schema: dict[str, Any], *, plain: bool) -> str | None:
    """Why the library cannot use this schema, with the place; None if it can."""
    if plain:
        reason = fault_of(schema)
        found = None if reason is None else (reason, place_of_fault(schema) if has_place(reason) else "#")
    else:
        found = fault_process().fault_of(schema)
    if found is None:
        return None
    reason, place = found
    return reason if place == "#" else f"{reason}, at {place}"
