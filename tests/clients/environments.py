"""An environment for each client, from the registry, kept until its requirements change."""

import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path("build/clients")
_STAMP = "installed.txt"


def python_of(name: str, requirements: tuple[str, ...]) -> Path:
    """The Python of a client's environment, which is made if it is missing. Raises CalledProcessError."""
    folder = FOLDER / name
    python, stamp = folder / "bin" / "python", folder / _STAMP
    wanted = "\n".join([sys.version, *requirements])
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python.absolute()
    venv.create(folder, clear=True, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    stamp.write_text(wanted, "utf-8")
    return python.absolute()


def versions_in(python: Path, packages: tuple[str, ...]) -> str:
    """The versions of packages, as `name version`."""
    code = (
        "import importlib.metadata as m, sys; print(', '.join(f'{p} {m.version(p)}' for p in sys.argv[1:]))"
    )
    found = subprocess.run([python, "-c", code, *packages], check=True, capture_output=True, text=True)
    return found.stdout.strip()
