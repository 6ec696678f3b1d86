"""The form of an answer, as in OpenAI's `response_format`."""

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


_WITH_SCHEMA = (ResponseType.JSON_OBJECT, ResponseType.JSON_SCHEMA)
_OF_SCHEMA = ("schema", "name", "strict", "description")


def _schema_text(value: object) -> object:
    """The schema as text, since stores would lose the order of its properties.

    OpenAI's objects also have a name, which changes nothing here, and `strict`, which always holds here.
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
    """What an answer may be. `json_schema` is the text of a schema, given if and only if the type is json_schema.

    Validates OpenAI's objects, the name of a type, and the stored form. `answer_grammar` checks whether the schema can
    be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    type: ResponseType = Field(default=ResponseType.TEXT, strict=False)
    json_schema: Annotated[str | None, BeforeValidator(_schema_text)] = None

    @classmethod
    def of_schema(cls, text: str) -> Self:
        """The format for a JSON schema."""
        return cls(type=ResponseType.JSON_SCHEMA, json_schema=text)

    @property
    def schema_text(self) -> str | None:
        """The JSON schema that an answer must satisfy; None if any text will do."""
        return '{"type":"object"}' if self.type is ResponseType.JSON_OBJECT else self.json_schema

    @model_validator(mode="before")
    @classmethod
    def _from_other_forms(cls, value: object) -> Any:
        """A type's name alone; a schema beside the type, as in OpenAI's newer API and on other servers."""
        if isinstance(value, str):
            return {"type": value}
        if isinstance(value, dict) and value.get("type") in _WITH_SCHEMA and "json_schema" not in value:
            rest = {name: one for name, one in value.items() if name not in _OF_SCHEMA}
            if isinstance(value.get("schema"), dict):
                return {**rest, "type": ResponseType.JSON_SCHEMA, "json_schema": {"schema": value["schema"]}}
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.type is ResponseType.JSON_SCHEMA) != (self.json_schema is not None):
            raise PydanticCustomError(
                "response_format", "the type json_schema needs a json_schema, and no other type takes one"
            )
        return self
