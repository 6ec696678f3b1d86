"""Hold the documents of a tenant to its bounds: a row beyond one is a bad row, and fails alone."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from qwenq.producer.terms.row_texts import texts_of
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow, PromptTooLong
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.chat_rows import chat_row


def bounded_rows(rows: Iterable[Row], chars: int | None, max_tokens: int | None) -> Iterator[Row]:
    """The rows, with bad rows for those of more characters of text, or that ask for more tokens."""
    if chars is None and max_tokens is None:
        yield from rows
        return
    for row in rows:
        fault = _fault_of(row, chars, max_tokens) if isinstance(row, Document) else None
        if fault is None or not isinstance(row, Document):
            yield row
        else:
            code, reason = fault
            yield BadRow.from_raw(row.source, row.line, row.content.encode(), reason, code, row.custom_id)


def params_within(most: int | None) -> GenerationParams:
    """The parameters of rows that do not give their own, with at most so many tokens."""
    usual = GenerationParams()
    if most is None or usual.max_new_tokens <= most:
        return usual
    return usual.model_copy(update={"max_new_tokens": max(1, most)})


def _fault_of(document: Document, chars: int | None, max_tokens: int | None) -> tuple[str, str] | None:
    row = orjson.loads(document.content)
    return _too_long(row, chars) or _too_many(row, max_tokens)


def _too_long(row: Mapping[str, Any], most: int | None) -> tuple[str, str] | None:
    length = 0 if most is None else sum(map(len, texts_of(row)))
    if most is None or length <= most:
        return None
    reason = f"the document has {length:,} characters; this tenant or key may have {most:,}"
    return PromptTooLong.code, reason


def _too_many(row: Mapping[str, Any], most: int | None) -> tuple[str, str] | None:
    if most is None:
        return None
    try:
        chat = chat_row(row)
    except InvalidRow:
        return None
    wanted = None if chat is None else chat.overrides.get("max_new_tokens")
    if chat is None or not isinstance(wanted, int) or wanted <= most:
        return None
    name = chat.names.get("max_new_tokens", "max_tokens")
    return InvalidOverride.code, f"{name}: it is {wanted:,}; this tenant or key may ask for {most:,}"
