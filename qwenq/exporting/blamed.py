"""Which parameter of a request a failure is about, and its code at OpenAI."""

import re

from qwenq.schemas.results import Failure
from qwenq.schemas.service.endpoints import Endpoint

_ASKED = frozenset({"too_long", "empty_prompt", "invalid_text", "template_error"})
"""Codes of failures that are about what is asked."""
_NAMED = (
    re.compile(r"(?:^|: )body\.(?P<name>.+?) is not supported"),
    re.compile(r"(?:^|: )(?P<name>[a-z_]\w*(?:\[\d+\])?(?:\.\w+)*)(?:: | is | has | holds )", re.ASCII),
)
"""A parameter's name, as the reasons of rows begin with it."""
_OWN_LIMIT = "The row's own max_tokens"
_NO_NAMES = frozenset({"it", "this", "line"})


def param_of(failure: Failure, endpoint: Endpoint = Endpoint.CHAT) -> str | None:
    """The parameter, as the request has it; None if the failure is about none."""
    if failure.code in _ASKED:
        return endpoint.limit if failure.message.startswith(_OWN_LIMIT) else endpoint.asked
    if failure.code == "invalid_schema":
        return endpoint.form
    if failure.code not in {"invalid_row", "invalid_parameter"}:
        return None
    found = next((match["name"] for one in _NAMED if (match := one.search(failure.message))), None)
    return None if found in _NO_NAMES else found


def openai_code(failure: Failure) -> str:
    """What OpenAI calls such a failure; our own code if it has none like it."""
    match failure.code:
        case "too_long":
            return "context_length_exceeded"
        case "invalid_row" | "invalid_parameter":
            return "unsupported_parameter" if " is not supported" in failure.message else "invalid_value"
    return failure.code
