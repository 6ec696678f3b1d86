"""What a row must fulfil to become a document: its id, its text, its own parameters."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

import orjson

from qwenq.producer.reading.column_names import named
from qwenq.producer.reading.foreign_shapes import advice_about
from qwenq.producer.reading.parquet.wanted import WantedColumns, wanted_columns
from qwenq.schemas.documents import ID_COLUMNS
from qwenq.schemas.errors import InvalidOverride, InvalidParameter, InvalidRow, InvalidSchema, InvalidTemplate
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.json_schema.checking import check_schema_text
from qwenq.schemas.log.visible import visible_line
from qwenq.schemas.prompts.chat_rows import ChatRow, chat_row

ID_CHARS = 512
_EXACT = 2**53
"""Below it, a float is the whole number that was written."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LOOKED_AT = 1_000
"""So many rows of an input without an id under further names: the rest has none."""
_OBJECT_ID = "$oid"
"""MongoDB writes its ids as an object with this member."""
_DEFAULT_ID = PromptSpec.model_fields["id_column"].default


class RowRules:
    """What a job requires of its rows. Every method raises InvalidRow with a plain reason."""

    def __init__(self, prompt: PromptSpec, params: GenerationParams) -> None:
        self._id_column = prompt.id_column
        is_default = prompt.id_column == _DEFAULT_ID
        self._other_id = "custom_id" if is_default else prompt.id_column
        self._further_ids = frozenset(ID_COLUMNS[2:] if is_default else ())
        self._rows_to_look_at = _LOOKED_AT
        self.text_column = prompt.text_column
        self._id_members = _members_named(prompt.id_column, self._other_id, *self._further_ids)
        self._needs_text = prompt.template is None
        self._template = prompt.template or ""
        self._used: frozenset[str] | None = None
        self._params = params
        self._prompt = prompt
        self._accepted = b""

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that a table's header must have."""
        text = (self.text_column,) if self._needs_text else ()
        return text if self._id_column == _DEFAULT_ID else (*text, self._id_column)

    def uses(self, column: str) -> bool:
        """Whether the prompt or the id needs this column, as far as the template's text shows."""
        if self._used is None:
            self._used = frozenset((self._id_column, *self.required_columns, *_names(self._template)))
        quoted = (f"'{column}'", f'"{column}"')
        return column in self._used or ("row" in self._used and any(one in self._template for one in quoted))

    @cached_property
    def wanted_columns(self) -> WantedColumns:
        """The columns of a Parquet file that the job needs."""
        return wanted_columns(self._prompt)

    @property
    def named_columns(self) -> tuple[str, ...]:
        """The columns that the prompt names; none if it may use all."""
        return self.wanted_columns.names or ()

    def begin_input(self) -> None:
        """Begin with an input: its first rows show whether it has ids under further names. To look costs time."""
        self._rows_to_look_at = _LOOKED_AT

    def custom_id(self, row: Mapping[str, Any]) -> str:
        """The row's own id; "" if it has none. An integer becomes its decimal digits, and so does 1.0."""
        value = row.get(self._id_column)
        if value is None:
            value = row.get(self._other_id)
            if value is None and self._rows_to_look_at:
                value = self._further_id(row)
                self._rows_to_look_at -= value is None
        if type(value) is str:
            if len(value) <= ID_CHARS and value.isprintable():
                return value
            return checked_id(value)
        if value is None:
            return ""
        if type(value) is int:
            return str(value)
        if type(value) is float and value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
        if type(value) is float and value.is_integer():
            raise InvalidRow(reason="the id is a number with a decimal point that is too large to be exact")
        raise InvalidRow(reason=f"the id is {_kind(value)}; it must be a string or a whole number")

    def shown_id(self, row: Mapping[str, Any]) -> str | None:
        """The id that a bad row shows, as text that every store accepts; None if it shows none."""
        value = row.get(self._id_column)
        if value is None:
            value = row.get(self._other_id)
        if value is None:
            value = self._further_id(row)
        if type(value) is float and value.is_integer() and abs(value) < _EXACT:
            value = int(value)
        if type(value) in {int, float}:
            value = str(value)
        if type(value) is not str or not value:
            return None
        return visible_line(value)[:ID_CHARS]

    def _further_id(self, row: Mapping[str, Any]) -> Any:
        """The first value that can be an id in a column that programs call so, or None."""
        for name in ID_COLUMNS:
            if name in self._further_ids and (value := row.get(name)) is not None:
                if isinstance(value, dict) and value.keys() == {_OBJECT_ID}:
                    value = value[_OBJECT_ID]
                if type(value) in {str, int, float}:
                    return value
        return None

    def id_in_text(self, raw: bytes) -> str | None:
        """The id that a broken line shows; None if it shows none."""
        for member in self._id_members:
            if found := member.search(raw):
                with suppress(orjson.JSONDecodeError):
                    return self.shown_id({self._id_column: orjson.loads(found["id"])})
        return None

    def check(self, row: Mapping[str, Any]) -> None:
        """Refuse a row that cannot become a prompt. Raises InvalidOverride for one of the row's own parameters."""
        if "body" in row or "messages" in row:
            chat = chat_row(row, as_columns=not self._needs_text)
            if chat is not None:
                if chat.is_bare and self._needs_text and self._prompt.system is not None:
                    raise InvalidRow(reason="a prompt of /v1/completions takes no system message of the job")
                self._check_parameters(chat)
                return
        if self._needs_text and type(row.get(self.text_column)) is not str:
            raise InvalidRow(reason=self._no_text(row))

    def _check_parameters(self, chat: ChatRow) -> None:
        if not chat.overrides:
            return
        # Most files repeat the same parameters on every line. Compared as text, so that true is not 1.
        shown = _as_json(chat.overrides)
        if shown == self._accepted:
            return
        try:
            params = self._params.overlaid(chat.overrides)
            check_schema_text(params.response_format.schema_text)
        except InvalidParameter as error:
            name = chat.names.get(error.name.partition(".")[0], error.name)
            raise InvalidOverride(reason=f"{name}: {error.reason}") from None
        except InvalidSchema as error:
            raise InvalidOverride(reason=f"response_format: {error.reason}") from None
        self._accepted = shown

    def _no_text(self, row: Mapping[str, Any]) -> str:
        if self.text_column in row:
            kind = _kind(row[self.text_column])
            reason = f"wrong type: the column {self.text_column!r} is {kind}; it must be a string"
            if row[self.text_column] is not None:
                reason += f", unless a prompt names it, as in --prompt '{_expression(self.text_column)}'"
        else:
            reason = f"there is no column {self.text_column!r}; it has: {named(row)}"
        advice = advice_about(row)
        return f"{reason}. {advice}" if advice else reason


def _expression(column: str) -> str:
    """What stands for a column in a template."""
    return f"{{{{ {column} }}}}" if column.isidentifier() else f"{{{{ row[{json.dumps(column)}] }}}}"


def _members_named(id_column: str, other_id: str, *further: str) -> tuple[re.Pattern[bytes], ...]:
    """Patterns of the member with the id: as the first of an object, or a `custom_id` anywhere in it."""
    value = rb'\s*+:\s*+(?P<id>"(?:[^"\\]|\\.){0,4096}+"|-?\d{1,512}+(?![\d.eE]))'
    either = "|".join(
        re.escape(json.dumps(name, ensure_ascii=False)) for name in (id_column, other_id, *further)
    )
    first = re.compile(rb"^[\s\[{,]*+(?:%b)%b" % (either.encode("utf-8", "backslashreplace"), value))
    return (first, re.compile(b'"custom_id"' + value)) if other_id == "custom_id" else (first,)


def checked_id(value: str) -> str:
    """Return the value if it can be an id. Raises InvalidRow."""
    if len(value) > ID_CHARS:
        raise InvalidRow(reason=f"the id has {len(value)} characters; at most {ID_CHARS} are allowed")
    if _CONTROL.search(value):
        raise InvalidRow(reason="the id holds a control character")
    return value


def _names(template: str) -> frozenset[str]:
    """The names that a template uses; none of a text that is no template, which is refused elsewhere."""
    from qwenq.schemas.prompts.compiled import compiled

    try:
        return compiled(template).names
    except InvalidTemplate:
        return frozenset()


def _as_json(parameters: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(parameters)
    except orjson.JSONEncodeError as error:
        raise InvalidOverride(reason=f"they are not JSON, or nested too deep: {error}") from None


def _kind(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
