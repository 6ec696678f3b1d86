"""Home folders: who uses one, and the folder of its own that a `qwenq run` gets."""

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from qwenq.producer.object_stores import is_url
from qwenq.producer.reading.sources.finding import find_files
from qwenq.schemas.errors import HomeInUse
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import make_home

RUNS_FOLDER = "runs"
LOCK_FILE = "lock"


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold a home folder alone for its embedded services. Raises HomeInUse when another process does."""
    make_home(home)
    lock = FileLock(home / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HomeInUse(home=str(home)) from None
    try:
        yield
    finally:
        lock.release()


def run_key(spec: JobSpec, asked_for: str) -> str:
    """Names a run by its model, its prompt, what else was asked for, and its input files as they are now.

    The same command over the same files has the same key: so an interrupted run is taken up where it stopped.
    An input that cannot be read twice (a pipe, standard input) makes a run that has no equal.
    """
    digest = hashlib.sha256(repr((spec.model, spec.prompt, spec.sources, asked_for)).encode())
    for path in _files_of(spec.sources):
        if not path.is_file():
            return secrets.token_hex(8)
        stat = path.stat()
        digest.update(
            f"{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode("utf-8", "surrogateescape")
        )
    return digest.hexdigest()[:16]


def _files_of(sources: Sequence[str]) -> Iterator[Path]:
    """The files behind the inputs: one of them may be a folder of documents."""
    for source in sources:
        path = Path(source)
        if path.is_file() or is_url(source):
            yield path
        else:
            yield from map(Path, find_files(source).paths)


@dataclass
class RunHome:
    """The folder of one run. `resumable` says, at its end, whether the same command may go on there."""

    settings: Settings
    resumable: bool = False


@contextmanager
def home_of_run(settings: Settings, key: str) -> Iterator[RunHome]:
    """A home folder of its own for a run without a store of its own; removed at the end unless resumable.

    Raises HomeInUse when the same run goes on in another process.
    """
    if settings.database_url is not None and settings.broker_url is not None:
        yield RunHome(settings)
        return
    folder = settings.home / RUNS_FOLDER / key
    with held(folder):
        home = RunHome(settings.model_copy(update={"home": folder}))
        try:
            yield home
        finally:
            if not home.resumable:
                shutil.rmtree(folder, ignore_errors=True)
