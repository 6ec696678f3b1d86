"""PostgreSQL's COPY: the quickest way in for many rows, which SQLAlchemy does not have."""

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
    """Add rows, as they are asked for; `types` are PostgreSQL's, by column. Raises what SQLAlchemy would raise."""
    import psycopg

    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        # A COPY does not pass through SQLAlchemy, which would have translated it.
        raise _translated(error)(statement, None, error) from error


def _translated(error: Exception) -> type[exc.DBAPIError]:
    """SQLAlchemy's class of a driver's error: it has the name of the one in the standard of drivers."""
    names = (kind.__name__ for kind in type(error).__mro__)
    found = (getattr(exc, name, None) for name in names)
    return next(one for one in found if isinstance(one, type) and issubclass(one, exc.DBAPIError))
