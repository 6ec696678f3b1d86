"""Column types with the same meaning on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Double, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""An integer key. SQLite numbers rows by itself only if the type is exactly INTEGER."""


_ESCAPE = "\x1a"  # the control character "substitute"
_NUL, _ITSELF = f"{_ESCAPE}0", f"{_ESCAPE}1"


def escaped_answer(text: str) -> str:
    """Write an answer as AnswerText keeps it: PostgreSQL has no NUL and no half of a surrogate pair, a model may.

    A NUL comes back when it is read; half a pair becomes a question mark, since no file of UTF-8 could hold it.
    """
    if "\0" in text or _ESCAPE in text:
        text = text.replace(_ESCAPE, _ITSELF).replace("\0", _NUL)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class AnswerText(TypeDecorator[str]):
    """Text that a model wrote. It is stored as `escaped_answer` gives it, and read as the model wrote it."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Bring back the NUL characters."""
        del dialect
        if value is None or _ESCAPE not in value:
            return value
        return value.replace(_NUL, "\0").replace(_ITSELF, _ESCAPE)


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on PostgreSQL, seconds since 1970 on SQLite, which has no such type."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Double())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert an aware datetime to the database's value."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.timestamp()

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert the database's value to an aware datetime in UTC."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromtimestamp(value, UTC)
        return value.astimezone(UTC)  # type: ignore[no-any-return]
