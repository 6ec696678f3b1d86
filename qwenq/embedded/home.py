"""Home folders: the lock that one process holds, and the own folder of each one-shot."""

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

ONE_SHOTS_FOLDER = "one-shots"
LOCK_FILE = "lock"


@contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Lock a home folder for its embedded services. Raises HomeInUse when another process holds it."""
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


def one_shot_key(spec: JobSpec, asked_for: str) -> str:
    """Name a one-shot by its model, prompt, other options, and its input files as they are now.

    The same command over the same files has the same key, and so goes on where an interrupted one stopped.
    An input that cannot be read twice (a pipe, standard input) gives a random key.
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
    """The files behind the inputs; an input may be a folder of documents."""
    for source in sources:
        path = Path(source)
        if path.is_file() or is_url(source):
            yield path
        else:
            yield from map(Path, find_files(source).paths)


@dataclass
class OneShotHome:
    """The home of one one-shot. `resumable`, read at its end: the same command may go on there."""

    settings: Settings
    resumable: bool = False


@contextmanager
def home_of_one_shot(settings: Settings, key: str) -> Iterator[OneShotHome]:
    """Give a one-shot its own home folder, unless store and broker are set. It is removed at the end unless resumable.

    Raises HomeInUse when another process runs the same command.
    """
    if settings.database_url is not None and settings.broker_url is not None:
        yield OneShotHome(settings)
        return
    folder = settings.home / ONE_SHOTS_FOLDER / key
    with hold_home(folder):
        home = OneShotHome(settings.model_copy(update={"home": folder}))
        try:
            yield home
        finally:
            if not home.resumable:
                shutil.rmtree(folder, ignore_errors=True)
