"""The house: a room imports only rooms below it, SQL stays in its room, and light commands stay light."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "qwenq": {"producer", "worker", "store", "schemas", "migrations"},
    "producer": {"store", "schemas"},
    "worker": {"store", "schemas"},
    "store": {"schemas", "migrations"},
    "migrations": {"schemas"},
    "schemas": set[str](),
}
SQL_LIVES_IN = {"store", "migrations"}
SQL_IN_SCHEMAS = {
    "schemas/columns.py",
    "schemas/part_tables.py",
    "schemas/schedule_tables.py",
    "schemas/tables.py",
}
HEAVY = ("torch", "transformers")


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

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}" + (f".{self.name}" if self.name else "")


def imports_of(room: str) -> list[Import]:
    return [
        found
        for path in sorted((ROOT / room).rglob("*.py"))
        for found in _imports_in(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8")))
    ]


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
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert set(MAY_IMPORT) <= ours
    forbidden = ours - MAY_IMPORT[room] - {room}
    assert [str(one) for one in imports_of(room) if one.top in forbidden] == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_say_the_whole_path(room: str) -> None:
    assert [str(one) for one in imports_of(room) if one.module.startswith(".")] == []


def test_the_store_knows_migrations_only_while_it_upgrades() -> None:
    found = [one for one in imports_of("store") if one.top == "migrations"]
    assert {(one.module, one.at_start) for one in found} == {("migrations.command", False)}


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
    found = [one for one in imports_of(room) if f"{one.module.replace('.', '/')}.py" in SQL_IN_SCHEMAS]
    assert [str(one) for one in found if one.name != "SCHEMA_VERSION"] == []


@pytest.mark.parametrize("room", ["qwenq", "producer", "store", "schemas", "migrations"])
def test_nobody_but_the_worker_names_torch_or_transformers(room: str) -> None:
    assert [str(one) for one in imports_of(room) if one.top in HEAVY] == []


@pytest.mark.parametrize("room", ["producer", "store", "schemas"])
def test_every_module_of_a_light_room_is_light(room: str) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / room).rglob("*.py"))
    ]
    assert len(modules) > 3
    assert _loaded(f"import {', '.join(modules)}", HEAVY) == []


def test_the_parent_process_of_a_worker_is_light() -> None:
    assert _loaded("import worker.command, worker.housekeeping, worker.tasks", HEAVY) == []


@pytest.mark.parametrize(
    "command", ["--help", "submit --help", "worker --help", "status", "templates", "check"]
)
def test_a_command_that_needs_no_model_is_light(command: str, tmp_path: Path) -> None:
    assert _loaded(_run(command), HEAVY, tmp_path) == []


def test_help_waits_for_no_library_that_is_slow_to_import(tmp_path: Path) -> None:
    slow = (*HEAVY, "celery", "kombu", "redis", "sqlalchemy", "alembic", "pydantic", "jinja2", "rich")
    assert _loaded(_run("--help"), slow, tmp_path) == []


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
