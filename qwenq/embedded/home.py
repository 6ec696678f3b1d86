"""Home folders: who uses one, and the folder of its own that a `qwenq run` gets."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import RunInProgress
from schemas.jobs import JobSpec

RUNS_FOLDER = "runs"
LOCK_FILE = "lock"


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold a home folder alone for its embedded services. Raises RunInProgress when another process does."""
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunInProgress(home=str(home)) from None
    try:
        yield
    finally:
        lock.release()


def run_key(spec: JobSpec) -> str:
    """Names a run by what it asks for and by its input files as they are now; the seed that was drawn aside.

    The same command over the same files has the same key: so an interrupted run is taken up where it stopped.
    """
    digest = hashlib.sha256(spec.model_copy(update={"params": spec.params.model_copy(update={"seed": None})})
                            .model_dump_json().encode())  # fmt: skip
    for source in spec.sources:
        path = Path(source)
        if path.is_file():
            stat = path.stat()
            digest.update(f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def run_home(home: Path, key: str) -> Path:
    """The folder of one run, below the home folder."""
    return home / RUNS_FOLDER / key


def remove_run_home(folder: Path) -> None:
    """Remove a run's folder once its answers are written elsewhere."""
    shutil.rmtree(folder, ignore_errors=True)
