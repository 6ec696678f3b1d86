"""Column types with the same meaning on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Double, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""An integer key. SQLite numbers rows by itself only if the type is exactly INTEGER."""


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
