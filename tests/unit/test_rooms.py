"""A room imports only rooms below it, SQL stays in its room, and light commands stay light."""

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FACE = "qwenq"
MAY_IMPORT = {
    FACE: {"producer", "worker", "store", "schemas", "migrations"},
    "producer": {"store", "schemas"},
    "worker": {"store", "schemas"},
    "store": {"schemas", "migrations"},
    "migrations": {"schemas"},
    "schemas": set[str](),
}
FACE_MAY_IMPORT = {
    "__main__": {"cli"},
    "cli": {
        "api",
        "monitor",
        "schedules",
        "report",
        "health",
        "embedded",
        "exporting",
        "actions",
        "wording",
    },
    "__init__": {"api"},
    "api": {"actions"},
    "monitor": {"exporting", "actions", "wording"},
    "schedules": {"report", "health", "exporting", "actions", "wording"},
    "report": {"exporting", "wording"},
    "health": {"wording"},
    "embedded": {"exporting", "actions", "wording"},
    "exporting": set[str](),
    "actions": {"wording"},
    "wording": set[str](),
}
"""The face's folders, and the modules beside them, from the top down."""
SQL_LIVES_IN = {"store", "migrations"}
SQL_IN_SCHEMAS = {f"schemas/tables/{name}.py" for name in ("columns", "core", "parts", "schedules")}
HEAVY = ("torch", "transformers")
MOST_MODULES = 18
MOST_LINES = 320
MAY_BE_LONG = {"schemas/errors.py"}
"""All errors, in one list."""
ENGINES = "qwenq.worker.engines"
PUBLIC_IN_ENGINES = {f"{ENGINES}.{name}" for name in ("factory", "failures", "kind", "memory", "protocol")}


@dataclass(frozen=True)
class Import:
    """One imported name: `module` without `name` for `import module`."""

    path: str
    line: int
    module: str
    name: str | None
    at_start: bool

    @property
    def top(self) -> str:
        """The package that it comes from."""
        return self.module.partition(".")[0]

    @property
    def room(self) -> str | None:
        """The room of qwenq that it comes from; the face is what lies in no other. None: it is not of qwenq."""
        top, *inner = f"{self.module}.{self.name or ''}".split(".")
        if top != FACE:
            return None
        return inner[0] if inner and inner[0] in MAY_IMPORT else FACE

    @property
    def part(self) -> str | None:
        """The part of the face that it comes from, None when it comes from elsewhere."""
        top, *inner = f"{self.module}.{self.name or ''}".split(".")
        return inner[0] if top == FACE and inner[0] in FACE_MAY_IMPORT else None

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}" + (f".{self.name}" if self.name else "")


def imports_of(room: str) -> list[Import]:
    return [
        found
        for path in files_of(room)
        for found in _imports_in(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8")))
    ]


def files_of(room: str) -> list[Path]:
    """The modules of a room; those of the face are not those that links give to other rooms."""
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(ROOT / room)
        for name in names
        if name.endswith(".py")
    )


def _imports_in(path: str, tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        at_start = node in tree.body
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name, None, at_start)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(path, node.lineno, "." * node.level + (node.module or ""), alias.name, at_start)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_folder_of_a_room_holds_too_many_modules(room: str) -> None:
    # Migrations are never merged: their folder grows with each version.
    modules = Counter(path.parent for path in files_of(room) if path.parent.name != "versions")
    assert modules
    assert [f"{folder}: {count}" for folder, count in modules.items() if count > MOST_MODULES] == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_module_of_a_room_is_too_long(room: str) -> None:
    lines = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in files_of(room)}
    too_long = {path.as_posix(): count for path, count in lines.items() if count > MOST_LINES}
    assert {path: count for path, count in too_long.items() if path not in MAY_BE_LONG} == {}


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
    modules = {_name_of(path) for room in MAY_IMPORT for path in files_of(room)}
    imported: dict[str, set[str]] = {module: set() for module in modules}
    for one in (found for room in MAY_IMPORT for found in imports_of(room)):
        whole = f"{one.module}.{one.name}"
        imported[_name_of(ROOT / one.path)].add(whole if whole in modules else one.module)
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


def test_no_module_is_loaded_under_two_names(tmp_path: Path) -> None:
    modules = [
        _name_of(path) for room in MAY_IMPORT for path in files_of(room) if "versions" not in path.parts
    ]
    code = f"""
import importlib, os
skipped = {{"qwenq.__main__", "qwenq.migrations.env"}}
for name in {modules!r}:
    if name not in skipped:
        importlib.import_module(name)
files = {{}}
for name, module in list(sys.modules.items()):
    path = getattr(module, "__file__", None)
    if path and name != "__main__":
        files.setdefault(os.path.realpath(path), []).append(name)
ours = {{os.path.realpath(path) for path in {[str(path) for room in MAY_IMPORT for path in files_of(room)]!r}}}
rooms = {sorted(set(MAY_IMPORT) - {FACE})!r}
twice = [names for path, names in files.items() if path in ours and len(names) > 1]
bare = [name for name in sys.modules if name.partition(".")[0] in rooms]
assert not twice and not bare, (twice, bare)
"""
    assert _loaded(code, ("qwenq.api",), tmp_path) == ["qwenq.api"]


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
    tables = {_name_of(ROOT / path) for path in SQL_IN_SCHEMAS}
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


@pytest.mark.parametrize("room", ["producer", "store", "schemas"])
def test_every_module_of_a_light_room_is_light(room: str) -> None:
    modules = [_name_of(path) for path in files_of(room)]
    assert len(modules) > 3
    assert _loaded(f"import {', '.join(modules)}", HEAVY) == []


CHILD = tuple(f"qwenq.worker.{part}" for part in ("turn", "keeping", "reuse", "long_documents", "engines"))
"""What only the working process of a worker imports."""
PARENT = (ROOT / "worker" / "tasks.py", *sorted((ROOT / "worker" / "parent").glob("*.py")))


def test_the_parent_process_of_a_worker_imports_no_turn_and_no_engine() -> None:
    modules = ", ".join(map(_name_of, PARENT))
    assert _loaded(f"import {modules}", (*HEAVY, *CHILD)) == []


def test_nothing_that_the_parent_process_imports_names_a_turn_or_an_engine() -> None:
    by_name = {_name_of(path): path for room in MAY_IMPORT for path in files_of(room)}
    seen, waiting = set[str](), [_name_of(path) for path in PARENT]
    while waiting:
        name = waiting.pop()
        if name not in by_name or name in seen:
            continue
        seen.add(name)
        path = by_name[name]
        imports = _imports_in(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8")))
        for one in imports:
            # A task imports its turn when it runs, in the working process.
            if one.at_start or path.name != "tasks.py":
                waiting += [one.module, f"{one.module}.{one.name}"]
    assert len(seen) > len(PARENT)
    assert [name for name in seen if name.startswith(CHILD)] == []


def test_the_store_process_imports_no_turn_and_no_engine() -> None:
    assert _loaded("import qwenq.worker.store_process.serving", (*HEAVY, *CHILD)) == []


@pytest.mark.parametrize(
    "command", ["--help", "submit --help", "worker --help", "status", "templates", "check"]
)
def test_a_command_that_needs_no_model_is_light(command: str, tmp_path: Path) -> None:
    assert _loaded(_run(command), HEAVY, tmp_path) == []


def test_help_waits_for_no_library_that_is_slow_to_import(tmp_path: Path) -> None:
    slow = (*HEAVY, "celery", "kombu", "redis", "sqlalchemy", "alembic", "pydantic", "jinja2", "rich")
    assert _loaded(_run("--help"), slow, tmp_path) == []


def _name_of(path: Path) -> str:
    """The name that a module is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == FACE else (FACE, *parts)).removesuffix(".__init__")


def _part_of(path: Path) -> str:
    """The part of the face that a module is in."""
    return path.relative_to(ROOT / FACE).with_suffix("").parts[0]


def _run(command: str) -> str:
    return f"""
sys.argv = ["qwenq", *{command.split()!r}]
from qwenq.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""


def _loaded(code: str, names: tuple[str, ...], folder: Path = ROOT) -> list[str]:
    """Those of these modules that a fresh interpreter has imported after it ran some code."""
    program = f"import sys\n{code}\nprint('loaded:', *[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]
