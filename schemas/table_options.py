"""What a person says about CSV and TSV files, and about the encoding of texts. What is not said is found out."""

import codecs
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic import ValidationError as _Invalid

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.machine.wrong_values import why_wrong

_NAMED_DELIMITERS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": " ",
}
_NOT_DELIMITERS = '"\r\n\0'


class TableOptions(BaseModel):
    """How CSV and TSV files are laid out; None is found out.

    `delimiter` is one character. `skip_rows` lines stand above the header. Without a `header`, the columns are called
    column1, column2, and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip_rows: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @classmethod
    def of(
        cls, *, delimiter: str | None, encoding: str | None, header: bool | None, skip_rows: int
    ) -> "TableOptions":
        """The options of a command. Raises InvalidParameter."""
        try:
            return cls(delimiter=delimiter, encoding=encoding, header=header, skip_rows=skip_rows)
        except _Invalid as error:
            first = error.errors(include_url=False)[0]
            name = "--" + str(first["loc"][0]).replace("_", "-")
            raise InvalidParameter(name=name, reason=why_wrong(first)) from None

    @property
    def given(self) -> str | None:
        """The first option that was given, for messages; None if there is none. An encoding comes last."""
        asked = {
            "--delimiter": self.delimiter,
            "--header": self.header,
            "--skip-rows": self.skip_rows or None,
            "--encoding": self.encoding,
        }
        return next((name for name, value in asked.items() if value is not None), None)

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is None:
            return None
        value = _NAMED_DELIMITERS.get(value.lower(), value)
        if len(value) != 1 or value in _NOT_DELIMITERS or not value.isascii():
            raise ValueError("it must be one ASCII character, such as ';' or '|', or the word tab")
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            name = codecs.lookup(value).name
            # Not every codec is one of text, or can be used for pieces.
            codecs.getincrementaldecoder(name)("replace").decode("id\n".encode(name))
        except (LookupError, UnicodeError, ValueError, TypeError):
            raise ValueError("it is no text encoding; use a name such as utf-8, cp1252 or utf-16") from None
        return name


FOUND_OUT = TableOptions()
"""Nothing is said: all of it is found out."""
