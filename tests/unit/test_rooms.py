"""A room imports only rooms below it, and SQL stays in its room."""

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.rooms import FACE, FACE_MAY_IMPORT, HEAVY, MAY_IMPORT, ROOT, files_of, imports_of, name_of

SQL_LIVES_IN = {"store", "migrations"}
SQL_IN_SCHEMAS = {
    f"schemas/tables/{name}.py" for name in ("columns", "core", "parts", "schedules", "service", "templates")
}
ENGINES = "qwenq.worker.engines"
PUBLIC_IN_ENGINES = {
    f"{ENGINES}.{name}"
    for name in (
        "chat_templates",
        "factory",
        "failures",
        "hub_name",
        "kind",
        "memory",
        "protocol",
    )
}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[room] - {room}
    assert [str(one) for one in imports_of(room) if one.room in forbidden] == []


@pytest.mark.parametrize("part", FACE_MAY_IMPORT)
def test_a_part_of_the_face_imports_only_parts_that_its_row_names(part: str) -> None:
    forbidden = set(FACE_MAY_IMPORT) - FACE_MAY_IMPORT[part] - {part}
    found = [one for one in imports_of(FACE) if _part_of(ROOT / one.path) == part]
    assert [str(one) for one in found if one.part in forbidden] == []


def test_the_face_has_no_part_without_a_row_and_no_ring_of_parts() -> None:
    assert {_part_of(path) for path in files_of(FACE)} == set(FACE_MAY_IMPORT)
    list(TopologicalSorter(FACE_MAY_IMPORT).static_order())


def test_no_modules_import_each_other_in_a_ring() -> None:
    """Imports for types alone count too."""
    modules = {name_of(path) for room in MAY_IMPORT for path in files_of(room)}
    imported: dict[str, set[str]] = {module: set() for module in modules}
    for one in (found for room in MAY_IMPORT for found in imports_of(room)):
        whole = f"{one.module}.{one.name}"
        imported[name_of(ROOT / one.path)].add(whole if whole in modules else one.module)
    assert len(modules) > len(MAY_IMPORT)
    # Raises CycleError, which names the ring.
    list(TopologicalSorter(imported).static_order())


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - {FACE}))
def test_a_room_has_its_name_from_a_link(room: str) -> None:
    link = ROOT / FACE / room
    assert link.is_symlink()
    assert link.readlink() == Path("..", room)


def test_nothing_imports_a_room_by_its_bare_name() -> None:
    rooms = set(MAY_IMPORT) - {FACE}
    found = [
        one
        for folder in (*MAY_IMPORT, "tests", "benchmarks", "examples", "docs")
        for one in imports_of(folder)
    ]
    assert len(found) > len(MAY_IMPORT)
    assert [str(one) for one in found if one.top in rooms] == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_say_the_whole_path(room: str) -> None:
    assert [str(one) for one in imports_of(room) if one.module.startswith(".")] == []


def test_the_store_knows_migrations_only_while_it_upgrades() -> None:
    found = [one for one in imports_of("store") if one.room == "migrations"]
    assert {(one.module, one.at_start) for one in found} == {("qwenq.migrations.command", False)}


@pytest.mark.parametrize("room", sorted(set(MAY_IMPORT) - SQL_LIVES_IN))
def test_sql_lives_in_the_store(room: str) -> None:
    """Elsewhere, SQLAlchemy gives no more than the type of the connection that is handed on."""
    found = [
        one
        for one in imports_of(room)
        if one.top in {"sqlalchemy", "alembic", "psycopg", "sqlite3"} and one.path not in SQL_IN_SCHEMAS
    ]
    assert [str(one) for one in found if (one.module, one.name) != ("sqlalchemy", "Connection")] == []


@pytest.mark.parametrize("room", ["qwenq", "producer", "worker"])
def test_no_room_above_the_store_names_a_table(room: str) -> None:
    tables = {name_of(ROOT / path) for path in SQL_IN_SCHEMAS}
    found = [one for one in imports_of(room) if one.module in tables]
    assert [str(one) for one in found if one.name != "SCHEMA_VERSION"] == []


def test_views_of_the_store_only_read() -> None:
    """No view changes a row, locks one, or imports what does."""
    found = imports_of("store/views")
    assert len(found) > 3
    writers = {f"qwenq.store.{folder}" for folder in ("life", "outcomes", "schedules", "broker")}
    of_writers = [one for one in found if any(f"{one.module}.".startswith(f"{w}.") for w in writers)]
    changing = [
        one for one in found if one.name in {"insert", "update", "delete", "Insert", "Update", "Delete"}
    ]
    assert [str(one) for one in (*of_writers, *changing)] == []
    for path in files_of("store/views"):
        assert "with_for_update" not in path.read_text("utf-8"), path


@pytest.mark.parametrize("room", ["qwenq", "producer", "store", "schemas", "migrations"])
def test_nobody_but_the_worker_names_torch_or_transformers(room: str) -> None:
    assert [str(one) for one in imports_of(room) if one.top in HEAVY] == []


@pytest.mark.parametrize("room", [FACE, "worker"])
def test_nothing_outside_the_engines_knows_one_of_them(room: str) -> None:
    found = [
        one
        for one in imports_of(room)
        if one.module.startswith(ENGINES) and not one.path.startswith("worker/engines/")
    ]
    assert found
    assert [str(one) for one in found if one.module not in PUBLIC_IN_ENGINES] == []


def test_no_engine_imports_another() -> None:
    engines = {path.parent.name for path in (ROOT / "worker" / "engines").glob("*/__init__.py")}
    assert engines >= {"echo", "transformers"}
    found = [
        one
        for engine in engines
        for one in imports_of(f"worker/engines/{engine}")
        if one.module.startswith(tuple(f"{ENGINES}.{other}" for other in engines - {engine}))
    ]
    assert [str(one) for one in found] == []


def _part_of(path: Path) -> str:
    """The part of the face that a module is in."""
    return path.relative_to(ROOT / FACE).with_suffix("").parts[0]
