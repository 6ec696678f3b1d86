"""Stored results and failures, and the lines of the files that show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class FinishReason(StrEnum):
    """Why an answer ended: at its end or a stop string, at its length limit, or by an error."""

    STOP = "stop"
    LENGTH = "length"
    ERROR = "error"


class EmptyCause(StrEnum):
    """Why an answer has no text: the limit of tokens or the model itself ended its reasoning, or there is nothing."""

    REASONING_CUT = "reasoning_cut"
    REASONING_ENDED = "reasoning_ended"
    NO_TEXT = "no_text"


def empty_cause(text: str, reasoning: str | None, finish_reason: str) -> EmptyCause | None:
    """Why an answer has no text but white space; None if it has text.

    Usage does not tell: it adds up a long document's parts, and a reused answer has none.
    """
    if text and not text.isspace():
        return None
    if reasoning is None:
        return EmptyCause.NO_TEXT
    is_cut = finish_reason == FinishReason.LENGTH
    return EmptyCause.REASONING_CUT if is_cut else EmptyCause.REASONING_ENDED


class IncompleteCause(StrEnum):
    """Why an answer is not what was asked for: the limit of tokens cut its text, or it is empty."""

    CUT = "cut"
    REASONING_CUT = EmptyCause.REASONING_CUT
    REASONING_ENDED = EmptyCause.REASONING_ENDED
    NO_TEXT = EmptyCause.NO_TEXT


def incomplete_answers(
    cut: int, empty: int, reasoning_cut: int, reasoning_ended: int
) -> Mapping[IncompleteCause, int]:
    """Count each answer once, by cause; `cut` counts those with a cut reasoning too, `empty` all without text."""
    return {
        IncompleteCause.CUT: max(0, cut - reasoning_cut),
        IncompleteCause.REASONING_CUT: reasoning_cut,
        IncompleteCause.REASONING_ENDED: reasoning_ended,
        IncompleteCause.NO_TEXT: max(0, empty - reasoning_cut - reasoning_ended),
    }


class OutputFormat(StrEnum):
    """A format of answers. `openai` is JSONL in the shape of the output of OpenAI's Batch API."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer; `completion_tokens` include `reasoning_tokens`, `prompt_tokens` include `prefix_tokens`.

    `prefix_tokens` were not computed for this document: its prompt begins like others.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    prefix_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """The tokens of both."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.prefix_tokens + other.prefix_tokens,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a document has no answer: a short code for programs, a message for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """An answer that was generated earlier, for an identical document of some job."""

    job_id: int
    text: str
    reasoning: str | None
    finish_reason: FinishReason
    parts: int = 1


class Result(BaseModel):
    """The answer to one document, as a line of the results file. `reused`: it was generated for an identical document.

    `parts` counts the parts of the document; `usage` includes all of them and their merging. `row` is the document as
    stored, a JSON object, if it was asked for; it is no member of the line.
    """

    model_config = ConfigDict(frozen=True)

    custom_id: str
    text: str
    reasoning: str | None
    finish_reason: FinishReason
    usage: Usage
    model: str
    reused: bool = False
    parts: int = 1
    row: str | None = Field(default=None, exclude=True, repr=False)


class PastFailure(BaseModel):
    """A failure of a document that was retried later. Rounds count from 1; `failed_at` is UTC."""

    model_config = ConfigDict(frozen=True)

    round: int
    error: Failure
    failed_at: datetime


class ErrorLine(BaseModel):
    """A document without an answer, as a line of the errors file.

    `custom_id` of a bad row is the id that it shows, or None; `line` is where the row starts in its file. `attempts`
    counts its failures, `earlier` holds all but the last. `row` is as for a result; of a bad row, its raw text.
    """

    model_config = ConfigDict(frozen=True)

    custom_id: str | None
    line: int
    error: Failure
    attempts: int = 1
    earlier: tuple[PastFailure, ...] = ()
    row: str | None = Field(default=None, exclude=True, repr=False)


class HistoryLine(BaseModel):
    """A failure that was retried, as a line of the history file."""

    model_config = ConfigDict(frozen=True)

    custom_id: str
    line: int
    round: int
    error: Failure
    failed_at: datetime
