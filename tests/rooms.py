"""The rooms of qwenq, their modules, and what those import or load."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
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
        "server",
        "schedules",
        "notices",
        "report",
        "health",
        "embedded",
        "exporting",
        "actions",
        "access",
        "wording",
    },
    "__init__": {"api"},
    "api": {"embedded", "exporting", "actions"},
    "monitor": {"access", "exporting", "actions", "report", "schedules", "notices", "wording"},
    "server": {"access", "actions", "exporting"},
    "schedules": {"notices", "report", "health", "exporting", "actions", "wording"},
    "report": {"exporting", "wording"},
    "health": {"access", "wording"},
    "embedded": {"access", "exporting", "actions", "wording"},
    "access": set[str](),
    "exporting": set[str](),
    "actions": {"notices", "wording"},
    "notices": {"wording"},
    "wording": set[str](),
}
"""The face's folders, and the modules beside them, from the top down."""
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
    return [found for path in files_of(room) for found in imports_in(path)]


def files_of(room: str) -> list[Path]:
    """The modules of a room; those of the face are not those that links give to other rooms."""
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(ROOT / room)
        for name in names
        if name.endswith(".py")
    )


@cache
def imports_in(module: Path) -> Sequence[Import]:
    """What a module imports, wherever in it the import stands."""
    return tuple(_imports_in(module))


def _imports_in(module: Path) -> Iterator[Import]:
    path = module.relative_to(ROOT).as_posix()
    tree = ast.parse(module.read_text("utf-8"))
    first = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        at_start = id(node) in first
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name, None, at_start)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(path, node.lineno, "." * node.level + (node.module or ""), alias.name, at_start)


def name_of(path: Path) -> str:
    """The name that a module is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == FACE else (FACE, *parts)).removesuffix(".__init__")


def loaded(code: str, names: tuple[str, ...], folder: Path = ROOT) -> list[str]:
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
