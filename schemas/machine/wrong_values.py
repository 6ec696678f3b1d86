"""What is wrong with a value, in words for a person; pydantic's own are for programmers."""

from pydantic_core import ErrorDetails

_WORDS = {
    "greater_than_equal": "it must be at least {ge:,}",
    "greater_than": "it must be more than {gt:,}",
    "less_than_equal": "it must be at most {le:,}",
    "less_than": "it must be less than {lt:,}",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "finite_number": "it must be a finite number",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "string_type": "it must be a text",
    "enum": "it must be {expected}",
    "literal_error": "it must be {expected}",
    "extra_forbidden": "there is no such name",
    "missing": "it is missing",
}


def why_wrong(error: ErrorDetails) -> str:
    """Why a value was refused, as a clause that begins with a small letter."""
    kind, facts = error["type"], error.get("ctx", {})
    if kind == "string_too_short" and facts.get("min_length") == 1:
        return "it must not be empty"
    words = _WORDS.get(kind)
    if words is not None:
        return words.format_map({name: _short(value) for name, value in facts.items()})
    said = error["msg"].removeprefix("Value error, ")
    return said[:1].lower() + said[1:] if said[1:2].islower() else said


def _short(value: object) -> object:
    """0 for 0.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
