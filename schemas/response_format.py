"""The form of an answer, as OpenAI's `response_format` asks for it."""

from enum import StrEnum
from typing import Annotated, Any, Self

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class ResponseType(StrEnum):
    """What an answer may be."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


def _schema_text(value: object) -> object:
    """The schema as text: it goes through stores that would lose the order of its properties.

    In OpenAI's lines it stands beside a name, which changes nothing here, and `strict`, which is always kept.
    """
    if not isinstance(value, dict):
        return value
    schema = value.get("schema")
    if schema is None:
        raise PydanticCustomError("json_schema", "it holds no schema")
    try:
        return orjson.dumps(schema).decode()
    except TypeError as error:
        raise PydanticCustomError(
            "json_schema", "the schema is not JSON: {why}", {"why": str(error)}
        ) from None


class ResponseFormat(BaseModel):
    """What an answer may be; `json_schema`, the text of a schema, is there exactly when its type says so.

    Reads OpenAI's objects, a type's name alone, and what it was stored as itself. Whether the schema can be used is
    found out by `answer_grammar`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    type: ResponseType = Field(default=ResponseType.TEXT, strict=False)
    json_schema: Annotated[str | None, BeforeValidator(_schema_text)] = None

    @classmethod
    def of_schema(cls, text: str) -> Self:
        """The format of answers that a JSON schema describes."""
        return cls(type=ResponseType.JSON_SCHEMA, json_schema=text)

    @property
    def schema_text(self) -> str | None:
        """The JSON schema that an answer must satisfy; None where any text will do."""
        return '{"type":"object"}' if self.type is ResponseType.JSON_OBJECT else self.json_schema

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type is ResponseType.JSON_SCHEMA) != (self.json_schema is not None):
            raise PydanticCustomError(
                "response_format", "json_schema goes with the type json_schema, and only with it"
            )
        return self
