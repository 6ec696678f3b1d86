"""The parts of a long document: an engine answers each part alone, and then the answers are merged."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.results import FinishReason, Usage


@dataclass(frozen=True, slots=True)
class Part:
    """Characters `first` to `last` of a long document, the last one not included.

    At level 0 it is a part of the document itself. At a higher level it is a merge of some answers of the level below,
    and covers their characters. `place` counts within the level, from 0.
    """

    seq: int
    level: int
    place: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to a part; `seconds` as in a completion."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    seconds: float


class PartLine(BaseModel):
    """A line of the parts file: the answer to a part. Characters count from 0, and `last_char` is included."""

    model_config = ConfigDict(frozen=True)

    custom_id: str
    level: int
    part: int
    first_char: int
    last_char: int
    text: str
    finish_reason: FinishReason
    usage: Usage
