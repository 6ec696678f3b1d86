"""Checks a whole answer against its JSON schema: what a grammar cannot hold, such as unique items or look-aheads."""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs

from qwenq.schemas.json_schema.relaxing import HELD_FORMATS

_LONGEST = 200
_WHOLE = (
    *("idn-email", "idn-hostname", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer"),
    *("uri-reference", "uri-template"),
)
_FORMATS = {
    # The grammar holds these already, maybe by another reading than the validator's.
    **dict.fromkeys(HELD_FORMATS, lambda _: True),
    # Older drafts do not know all of these.
    **{
        name: jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid
        for name in _WHOLE
    },
}


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
    try:
        validator = jsonschema_rs.validator_for(
            json.loads(schema_text), formats=_FORMATS, validate_formats=True, offline=True
        )
    except (ValueError, RecursionError) as error:
        return AnswerCheck(None, str(error).partition("\n")[0][:_LONGEST])
    return AnswerCheck(validator)


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
