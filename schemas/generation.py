"""The parameters that control how an answer is generated."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.machine.wrong_values import why_wrong
from qwenq.schemas.response_format import ResponseFormat

MOST_TOKENS = 1_000_000
STOP_CHARS = 1_000  # of one: preparing the search takes quadratic time in the length of one
STOP_CHARS_IN_ALL = 50_000
CLOSING_CHARS = 1_000
QWEN_CLOSING = (
    "Considering the limited time by the user, I have to give the solution based on the thinking "
    "directly now."
)
"""The sentence with which Qwen3 was trained to end a reasoning early."""


_TAG = re.compile("</?think>|<[|][^|>]*[|]>|[\0\ud800-\udfff]")


class Overflow(StrEnum):
    """What happens to a document that does not fit into the model's context.

    It fails, loses its end, or is cut into parts; a second prompt merges the answers to the parts.
    """

    FAIL = "fail"
    TRUNCATE = "truncate"
    SPLIT = "split"


class Sampling(StrEnum):
    """Where the sampling parameters that nobody gives come from.

    From nowhere, so that decoding is greedy; from the checkpoint's generation_config.json, as `generate` applies it; or
    from what the model's card advises.
    """

    GREEDY = "greedy"
    MODEL = "model"
    CARD = "card"


def _as_tuple(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _within_reason(stops: tuple[str, ...]) -> tuple[str, ...]:
    """Limit the characters of each stop string and of all: more make the search slow to prepare, not to run."""
    longest, chars = max(map(len, stops), default=0), sum(map(len, stops))
    message = ""
    if longest > STOP_CHARS:
        message = f"one stop string has {longest:,} characters; at most {STOP_CHARS:,} are allowed"
    elif chars > STOP_CHARS_IN_ALL:
        message = f"{len(stops):,} stop strings have {chars:,} characters; at most {STOP_CHARS_IN_ALL:,} are allowed"
    if message:
        raise PydanticCustomError("stop_strings", "{message}", {"message": message})
    return stops


def _without_tags(sentence: str) -> str:
    """Refuse a tag, which would close the reasoning by itself, and what no store keeps."""
    if found := _TAG.search(sentence):
        raise PydanticCustomError("thinking_closing", "it must not hold {what}", {"what": repr(found[0])})
    return sentence.strip()


StopStrings = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(_as_tuple),
    AfterValidator(_within_reason),
]
Number = Annotated[float, Field(allow_inf_nan=False)]


NEUTRAL: Mapping[str, float] = {
    "temperature": 0.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
}
"""Values of the sampling parameters that change nothing: they stand for those that stay open."""


class GenerationParams(BaseModel):
    """How one document is answered. A job has these parameters; a document may override some.

    A sampling parameter that is None is open: `sampling` says where it comes from. `temperature` 0 is greedy decoding;
    `top_k` 0 keeps every token; with `seed` None, `submit` draws a seed for the job. `min_p` is a fraction of the
    likeliest token's probability. Penalties act in greedy decoding too: `repetition_penalty` on the tokens of prompt
    and answer, `presence_penalty` and `frequency_penalty` on generated
    tokens. After `thinking_budget` tokens, the reasoning block is closed with the sentence `thinking_closing`, and the
    model answers. With a
    `response_format`, an answer ends where its JSON is complete. With `require_answer`, an answer without text fails.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_new_tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] = 512
    sampling: Sampling = Field(default=Sampling.GREEDY, strict=False)
    temperature: Annotated[Number | None, Field(ge=0, le=100)] = None
    top_p: Annotated[Number | None, Field(gt=0, le=1)] = None
    top_k: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    min_p: Annotated[Number | None, Field(ge=0, le=1)] = None
    repetition_penalty: Annotated[Number | None, Field(ge=0.01, le=100)] = None
    presence_penalty: Annotated[Number | None, Field(ge=-2, le=2)] = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] = 0.0
    seed: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    stop: Annotated[StopStrings, Field(strict=False)] = ()
    thinking: bool = False
    thinking_budget: Annotated[int | None, Field(ge=0, le=MOST_TOKENS)] = None
    thinking_closing: Annotated[str, Field(max_length=CLOSING_CHARS), AfterValidator(_without_tags)] = (
        QWEN_CLOSING
    )
    require_answer: bool = False
    on_overflow: Overflow = Field(default=Overflow.FAIL, strict=False)
    response_format: ResponseFormat = ResponseFormat()

    @field_validator("response_format")
    @classmethod
    def _needs_no_stop(cls, form: ResponseFormat, info: ValidationInfo) -> ResponseFormat:
        if form.schema_text is not None and info.data.get("stop"):
            raise PydanticCustomError(
                "response_format", "JSON ends by itself; a stop string would cut it off"
            )
        return form

    def filled(self, values: Mapping[str, float]) -> Self:
        """These parameters with the open ones taken from `values`."""
        taken = {name: value for name, value in values.items() if getattr(self, name) is None}
        return self.model_copy(update=taken) if taken else self

    def overlaid(self, own: Mapping[str, Any]) -> Self:
        """These parameters, overridden by `own`. Raises InvalidParameter, which names the field."""
        if not own:
            return self
        try:
            return type(self).model_validate({**self.model_dump(), **own})
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(part for part in first["loc"] if isinstance(part, str)) or "parameters"
            raise InvalidParameter(name=name, reason=why_wrong(first)) from None
