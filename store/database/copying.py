"""PostgreSQL's COPY: the quickest way to insert many rows. SQLAlchemy does not offer it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table, exc


def copy_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    types: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Insert rows as the iterable yields them; `types` are PostgreSQL's, by column. Raises SQLAlchemy's errors."""
    import psycopg

    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        # SQLAlchemy does not see a COPY, so it does not translate its errors.
        raise _translated(error)(statement, None, error) from error


def _translated(error: Exception) -> type[exc.DBAPIError]:
    """SQLAlchemy's class for a driver's error: both use the class names of the DB-API."""
    names = (kind.__name__ for kind in type(error).__mro__)
    found = (getattr(exc, name, None) for name in names)
    return next(one for one in found if isinstance(one, type) and issubclass(one, exc.DBAPIError))
