"""All that a database knows of its tables."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Inspector, inspect

from qwenq.store.database.store import Store

VERSION_TABLE = "alembic_version"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store without tables, once of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'empty.db'}"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    with Store(url) as store:
        yield store


def described(connection: Connection) -> dict[str, dict[str, Any]]:
    """Every table but Alembic's own, as the database itself describes it."""
    inspector = inspect(connection)
    return {
        table: _described_table(connection, inspector, table)
        for table in inspector.get_table_names()
        if table != VERSION_TABLE
    }


def _described_table(connection: Connection, inspector: Inspector, table: str) -> dict[str, Any]:
    return {
        "columns": {
            column["name"]: (
                str(column["type"].compile(connection.dialect)),
                column["nullable"],
                column.get("default"),
                column.get("autoincrement"),
                column.get("comment"),
            )
            for column in inspector.get_columns(table)
        },
        "primary key": inspector.get_pk_constraint(table),
        "checks": {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)},
        "foreign keys": {key["name"]: key for key in inspector.get_foreign_keys(table)},
        "indexes": {index["name"]: _described_index(index) for index in inspector.get_indexes(table)},
        "unique": {one["name"]: one for one in inspector.get_unique_constraints(table)},
        "comment": _comment(connection, inspector, table),
        "without rowid": _is_without_rowid(connection, table),
    }


def _described_index(index: Any) -> dict[str, Any]:
    """An index; the SQL of a condition as text, since one `text()` never equals another."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return {**index, "dialect_options": options}


def _comment(connection: Connection, inspector: Inspector, table: str) -> str | None:
    if connection.dialect.name == "sqlite":
        return None
    return inspector.get_table_comment(table)["text"]


def _is_without_rowid(connection: Connection, table: str) -> bool:
    if connection.dialect.name != "sqlite":
        return False
    found = connection.exec_driver_sql(f'PRAGMA table_list("{table}")').mappings().one()
    return bool(found["wr"])
