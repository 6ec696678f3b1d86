"""Checks a whole answer against its JSON schema: what a grammar cannot hold, such as unique items or look-aheads."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs

_LONGEST = 200
_NOT_IN_ALL_DRAFTS = (
    *("duration", "uuid"),
    *("idn-email", "idn-hostname", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer"),
    *("uri-reference", "uri-template"),
)
_FORMATS = {
    name: jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid
    for name in _NOT_IN_ALL_DRAFTS
}
_MAKERS = (
    jsonschema_rs.validator_for,
    jsonschema_rs.Draft202012Validator,  # if nobody knows the $schema
    jsonschema_rs.Draft7Validator,  # has a list of schemas as `items`, without saying so
)
_NOT_IN_DRAFT_7 = (
    *("dependentRequired", "dependentSchemas", "minContains", "maxContains", "prefixItems"),
    *("unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"),
)


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """What checks the answers of one schema. `problem` says why there is no validator; the grammar is then all."""

    validator: jsonschema_rs.Validator | None
    problem: str = ""

    def fault_of(self, answer: str) -> str | None:
        """Why an answer is not valid, with place and keyword; None if it is."""
        try:
            value = json.loads(
                answer, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant
            )
        except (ValueError, RecursionError) as error:
            return str(error)[:_LONGEST]
        if self.validator is None or self.validator.is_valid(value):
            return None
        return next(map(_said, self.validator.iter_errors(value)), "it does not satisfy the schema")


@lru_cache(maxsize=256)
def answer_check(schema_text: str) -> AnswerCheck:
    """Make the check of a schema, which is never looked up elsewhere. Formats that nobody knows hold nothing."""
    problem = ""
    is_later = any(f'"{name}"' in schema_text for name in _NOT_IN_DRAFT_7)
    for make in _MAKERS[: 2 if is_later else 3]:
        try:
            schema = json.loads(schema_text)
            return AnswerCheck(make(schema, formats=_FORMATS, validate_formats=True, offline=True))
        except (ValueError, RecursionError) as error:
            problem = problem or str(error).partition("\n")[0][:_LONGEST]
    return AnswerCheck(None, problem)


def _said(error: jsonschema_rs.ValidationError) -> str:
    keyword = next((str(step) for step in reversed(list(error.schema_path)) if isinstance(step, str)), "")
    place = "".join(f"/{step}" for step in error.instance_path) or "the whole answer"
    return f"{keyword}, at {place}: {error.message}"[:_LONGEST]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has the name {twice!r} twice")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:20]} is larger than any that programs can hold")
    return number


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
