"""Interrupted one-shots: what `qwenq run` left in the home folder, how to go on with it, and its removal."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shlex import join, quote

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from qwenq.embedded.home import COMMAND_FILE, LOCK_FILE, ONE_SHOTS_FOLDER, TypedCommand, hold_home
from qwenq.schemas.errors import HomeInUse, QwenqError
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.settings import Settings
from qwenq.store.database.opening import open_made_store
from qwenq.store.database.store import SQLITE_FILE
from qwenq.store.life.one_shots import job_to_continue
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.numbers import counted
from qwenq.wording.output import say


class KeptOneShot(BaseModel):
    """What a one-shot left in its home folder. `bytes` is its size, `last_used` when its services last logged.

    `job` is None if none was stored. `unreadable` says why the store cannot be read, or is None.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    home: str
    command: str | None
    command_folder: str | None
    running: bool
    job: JobStatus | None
    unreadable: str | None
    bytes: int
    last_used: datetime

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it can be of use."""
        return not self.running and self.job is None and self.unreadable is None


def kept_one_shots(settings: Settings) -> list[KeptOneShot]:
    """What one-shots left, and those that run; the newest first."""
    found = [_look_at(home, settings) for home in _homes(settings)]
    return sorted(found, key=lambda one: one.last_used, reverse=True)


def removable(settings: Settings, older_than: float | None) -> list[KeptOneShot]:
    """Those that a prune removes: empty ones, and those that were last used `older_than` seconds ago."""
    now = datetime.now(UTC)
    return [
        one
        for one in kept_one_shots(settings)
        if not one.running
        and (one.is_empty or (older_than is not None and (now - one.last_used).total_seconds() > older_than))
    ]


def remove(one: KeptOneShot) -> bool:
    """Remove what a one-shot left. Returns False when the same command runs again meanwhile."""
    home = Path(one.home)
    try:
        with hold_home(home):
            shutil.rmtree(home, ignore_errors=True)
    except HomeInUse:
        return False
    return True


def say_kept(settings: Settings) -> None:
    """Say how many interrupted one-shots are kept, if any."""
    if kept := sum(not _is_running(home) for home in _homes(settings)):
        say(f"{counted(kept, 'interrupted run')} kept: `qwenq runs` shows how to go on")


def say_others(settings: Settings, key: str, command: TypedCommand) -> None:
    """Say that the same command was interrupted before, with other contents of its files."""
    for home in _homes(settings):
        if home.name != key and TypedCommand.of_home(home) == command and not _is_running(home):
            say(
                "this command was interrupted before, over other contents of its input: `qwenq runs` shows its answers"
            )
            return


def how_to_go_on(settings: Settings, job_id: int, *, again: bool) -> str:
    """How to go on with a one-shot's job; `again`: its inputs can be read once more."""
    if again:
        return "the same command goes on from there"
    here = "" if settings.database_url else f"QWENQ_HOME={quote(str(settings.home.absolute()))} "
    return (
        f"this input cannot be read twice; `{here}qwenq results {job_id} -o FILE` writes the answers so far"
    )


def _homes(settings: Settings) -> Iterator[Path]:
    folder = settings.home / ONE_SHOTS_FOLDER
    if folder.is_dir():
        yield from (home for home in folder.iterdir() if (home / COMMAND_FILE).exists())


def _look_at(home: Path, settings: Settings) -> KeptOneShot:
    command = TypedCommand.of_home(home)
    job, unreadable = None, None
    try:
        job = _job_of(home, settings)
    except QwenqError as error:
        unreadable = str(error)
    logs = [path.stat().st_mtime for path in (home / COMMAND_FILE, *home.glob("logs/*"))]
    return KeptOneShot(
        id=home.name,
        home=str(home.absolute()),
        command=join(("qwenq", *command.words)) if command else None,
        command_folder=command.folder if command else None,
        running=_is_running(home),
        job=job,
        unreadable=unreadable,
        bytes=sum(path.stat().st_size for path in home.rglob("*") if path.is_file()),
        last_used=datetime.fromtimestamp(max(logs), UTC),
    )


def _job_of(home: Path, settings: Settings) -> JobStatus | None:
    own = settings.model_copy(update={"home": home})
    if own.database_url is None and not (home / SQLITE_FILE).exists():
        return None
    with open_made_store(own) as store, store.reading() as connection:
        job_id = job_to_continue(connection, home.name)
        return None if job_id is None else job_status(connection, job_id)


def _is_running(home: Path) -> bool:
    try:
        with FileLock(home / LOCK_FILE, timeout=0):
            return False
    except Timeout:
        return True
