"""A store must have the version that this code needs; the refusal says what to do."""

import pytest
from sqlalchemy import inspect, text

import qwenq.schemas.tables.parts
import qwenq.schemas.tables.schedules  # noqa: F401 - the same
from qwenq.schemas.errors import StoreNotCreated, StoreVersionMismatch
from qwenq.schemas.tables.core import SCHEMA_VERSION, metadata
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version, found_version, upgrade_store

NEWER, OLDER = "9999", "0000"


def test_a_store_of_this_version_is_accepted(store: Store) -> None:
    check_version(store)
    with store.reading() as connection:
        assert found_version(connection) == SCHEMA_VERSION


def test_an_empty_store_is_refused_with_the_command_that_makes_it(empty_store: Store) -> None:
    with pytest.raises(StoreNotCreated, match="`qwenq db upgrade`"):
        check_version(empty_store)


def test_an_upgrade_makes_an_empty_store(empty_store: Store) -> None:
    assert upgrade_store(empty_store) is None
    check_version(empty_store)
    with empty_store.reading() as connection:
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_an_upgrade_of_a_current_store_does_nothing(store: Store) -> None:
    assert upgrade_store(store) == SCHEMA_VERSION
    assert upgrade_store(store) == SCHEMA_VERSION
    check_version(store)


def test_an_older_store_is_refused_with_the_command_that_mends_it(store: Store) -> None:
    _pretend(store, OLDER)
    with pytest.raises(StoreVersionMismatch, match="`qwenq db upgrade`") as mismatch:
        check_version(store)
    assert (mismatch.value.found, mismatch.value.needed) == (OLDER, SCHEMA_VERSION)


def test_a_newer_store_is_refused_and_never_upgraded(store: Store) -> None:
    _pretend(store, NEWER)
    for refuse in (check_version, upgrade_store):
        with pytest.raises(StoreVersionMismatch, match="a newer one") as mismatch:
            refuse(store)
        assert mismatch.value.found == NEWER
    with store.reading() as connection:
        assert found_version(connection) == NEWER


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(empty_store: Store) -> None:
    with empty_store.writing() as connection:
        connection.execute(text("CREATE TABLE results (id INTEGER)"))
    with pytest.raises(Exception, match="results"):
        upgrade_store(empty_store)
    with empty_store.reading() as connection:
        assert inspect(connection).get_table_names() == ["results"]


def _pretend(store: Store, version: str) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
