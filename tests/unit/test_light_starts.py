"""Light commands and processes stay light: what a fresh interpreter loads for them."""

from pathlib import Path

import pytest

from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_store
from tests.rooms import FACE, HEAVY, MAY_IMPORT, ROOT, files_of, imports_in, loaded, name_of


def test_no_module_is_loaded_under_two_names(tmp_path: Path) -> None:
    modules = [
        name_of(path) for room in MAY_IMPORT for path in files_of(room) if "versions" not in path.parts
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
    assert loaded(code, ("qwenq.api",), tmp_path) == ["qwenq.api"]


@pytest.mark.parametrize("room", ["producer", "store", "schemas"])
def test_every_module_of_a_light_room_is_light(room: str) -> None:
    modules = [name_of(path) for path in files_of(room)]
    assert len(modules) > 3
    assert loaded(f"import {', '.join(modules)}", HEAVY) == []


CHILD = tuple(f"qwenq.worker.{part}" for part in ("turn", "keeping", "reuse", "long_documents", "engines"))
"""What only the working process of a worker imports."""
PARENT = (ROOT / "worker" / "tasks.py", *sorted((ROOT / "worker" / "parent").glob("*.py")))


def test_the_parent_process_of_a_worker_imports_no_turn_and_no_engine() -> None:
    modules = ", ".join(map(name_of, PARENT))
    assert loaded(f"import {modules}", (*HEAVY, *CHILD)) == []


def test_nothing_that_the_parent_process_imports_names_a_turn_or_an_engine() -> None:
    by_name = {name_of(path): path for room in MAY_IMPORT for path in files_of(room)}
    seen, waiting = set[str](), [name_of(path) for path in PARENT]
    while waiting:
        name = waiting.pop()
        if name not in by_name or name in seen:
            continue
        seen.add(name)
        path = by_name[name]
        for one in imports_in(path):
            # A task imports its turn when it runs, in the working process.
            if one.at_start or path.name != "tasks.py":
                waiting += [one.module, f"{one.module}.{one.name}"]
    assert len(seen) > len(PARENT)
    assert [name for name in seen if name.startswith(CHILD)] == []


def test_the_store_process_imports_no_turn_and_no_engine() -> None:
    assert loaded("import qwenq.worker.store_process.serving", (*HEAVY, *CHILD)) == []


@pytest.mark.parametrize(
    "command", ["--help", "submit --help", "worker --help", "status", "templates", "check"]
)
def test_a_command_that_needs_no_model_is_light(command: str, tmp_path: Path) -> None:
    open_store(Settings(home=tmp_path / ".qwenq")).close()
    assert loaded(_run(command), HEAVY, tmp_path) == []


def test_help_waits_for_no_library_that_is_slow_to_import(tmp_path: Path) -> None:
    slow = (*HEAVY, "celery", "kombu", "redis", "sqlalchemy", "alembic", "pydantic", "jinja2", "rich")
    assert loaded(_run("--help"), slow, tmp_path) == []


def _run(command: str) -> str:
    return f"""
sys.argv = ["qwenq", *{command.split()!r}]
from qwenq.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
"""
