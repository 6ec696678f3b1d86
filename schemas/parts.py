"""The parts of a long document: each is asked about by itself, and their answers are merged."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.results import FinishReason, Usage


@dataclass(frozen=True, slots=True)
class Part:
    """One step on the way to a long document's answer: its characters `first` to `last`, the last one not included.

    Of level 0 it is a part of the document itself; of a higher one, the merge of some answers of the level below, and
    its characters are theirs. `place` counts in the level, from 0.
    """

    seq: int
    level: int
    place: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to a part; `seconds` as of a completion."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    seconds: float


class PartLine(BaseModel):
    """The answer to a part of a document, as a line of the parts file; `last_char` is included, both count from 0."""

    model_config = ConfigDict(frozen=True)

    custom_id: str
    level: int
    part: int
    first_char: int
    last_char: int
    text: str
    finish_reason: FinishReason
    usage: Usage
