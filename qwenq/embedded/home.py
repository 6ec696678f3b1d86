"""Home folders: the lock that one process holds, and the own folder of each one-shot."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from qwenq.producer.object_stores import is_url
from qwenq.producer.reading.sources.finding import find_files
from qwenq.schemas.errors import HomeInUse
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import SQLITE_FILE, make_home

ONE_SHOTS_FOLDER = "one-shots"
LOCK_FILE = "lock"
COMMAND_FILE = "command.json"


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


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """The words of a `qwenq run` as they were typed, and the folder in which."""

    words: tuple[str, ...]
    folder: str

    def keep(self, home: Path) -> None:
        """Write it into the home of its one-shot."""
        (home / COMMAND_FILE).write_bytes(orjson.dumps({"words": self.words, "folder": self.folder}))

    @classmethod
    def of_home(cls, home: Path) -> "TypedCommand | None":
        """The command of a one-shot's home; None if there is none."""
        try:
            kept = orjson.loads((home / COMMAND_FILE).read_bytes())
            return cls(tuple(kept["words"]), kept["folder"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def one_shot_key(spec: JobSpec, asked_for: str) -> str | None:
    """Name a one-shot by its model, prompt, other options, and the content of its input files.

    The same command over the same files has the same key, and so goes on where an interrupted one stopped.
    None: an input cannot be read twice (a pipe, standard input, a URL).
    """
    digest = hashlib.sha256(repr((spec.model, spec.prompt, spec.sources, asked_for)).encode())
    for path in _files_of(spec.sources):
        if not path.is_file():
            return None
        digest.update(f"{path}\0".encode("utf-8", "surrogateescape"))
        digest.update(_content_of(path))
    return digest.hexdigest()[:16]


def _content_of(path: Path) -> bytes:
    """A hash of a file's content. What cannot be read becomes a bad row later, with its reason."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


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
    """The home of one one-shot. `kept`, read at its end: its folder holds answers that are not written yet."""

    settings: Settings
    kept: bool


@contextmanager
def home_of_one_shot(settings: Settings, key: str, command: TypedCommand | None) -> Iterator[OneShotHome]:
    """Give a one-shot its own home folder, unless store and broker are set. It is removed at the end unless kept.

    Raises HomeInUse when another process runs the same command.
    """
    if settings.database_url is not None and settings.broker_url is not None:
        yield OneShotHome(settings, kept=False)
        return
    folder = settings.home / ONE_SHOTS_FOLDER / key
    with hold_home(folder):
        # What an interrupted one left is kept until it is known what it is, even if this one is interrupted too.
        left = (folder / SQLITE_FILE).exists()
        home = OneShotHome(settings.model_copy(update={"home": folder}), kept=left)
        try:
            if command is not None:
                command.keep(folder)
            yield home
        finally:
            if not home.kept:
                # First of all, so that a removal that is interrupted leaves nothing that `qwenq runs` lists.
                (folder / COMMAND_FILE).unlink(missing_ok=True)
                shutil.rmtree(folder, ignore_errors=True)
