"""The outcome of a document: an answer, or the reason why there is none."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class FinishReason(StrEnum):
    """Why an answer ended: at the model's own end or a stop string, at its limit, or in an error."""

    STOP = "stop"
    LENGTH = "length"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `completion_tokens` includes `reasoning_tokens`, `prompt_tokens` the `prefix_tokens`.

    `prefix_tokens` were not computed for this document: it shares the beginning of its prompt with others.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    prefix_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a document has no answer: a short code for programs, a message for people."""

    code: str
    message: str


class Result(BaseModel):
    """The answer to one document, as a line of the results file."""

    model_config = ConfigDict(frozen=True)

    custom_id: str
    text: str
    reasoning: str | None
    finish_reason: FinishReason
    usage: Usage
    model: str


class ErrorLine(BaseModel):
    """A document without an answer, as a line of the errors file.

    `custom_id` is None for a row that never became a document; `line` is where it starts in its file.
    """

    model_config = ConfigDict(frozen=True)

    custom_id: str | None
    line: int
    error: Failure
