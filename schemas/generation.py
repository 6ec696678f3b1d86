"""The parameters that steer the generation of one answer."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.errors import InvalidParameter


class Overflow(StrEnum):
    """What happens to a document that does not fit into the model's context."""

    FAIL = "fail"
    TRUNCATE = "truncate"


def _as_tuple(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


StopStrings = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_tuple)]


class GenerationParams(BaseModel):
    """How one document is answered: a job's parameters, with the document's own laid over them.

    `temperature` 0 is greedy; `top_k` 0 keeps every token; `seed` None lets `submit` draw one for the job.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_new_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int | None, Field(ge=0, lt=2**63)] = None
    stop: Annotated[StopStrings, Field(max_length=64, strict=False)] = ()
    thinking: bool = False
    on_overflow: Overflow = Field(default=Overflow.FAIL, strict=False)

    def overlaid(self, own: Mapping[str, Any]) -> Self:
        """These parameters with `own` laid over them. Raises InvalidParameter, which names the field."""
        if not own:
            return self
        try:
            return type(self).model_validate({**self.model_dump(), **own})
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "parameters"
            raise InvalidParameter(name=name, reason=first["msg"]) from None
