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
    # A COPY does not pass through SQLAlchemy, which would have translated these.
    except psycopg.IntegrityError as error:
        raise exc.IntegrityError(statement, None, error) from error
    except psycopg.OperationalError as error:
        raise exc.OperationalError(statement, None, error) from error
