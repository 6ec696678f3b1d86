"""Small files in the home folder that only its user can read: they open a door."""

import os
import secrets
import stat
from pathlib import Path

from qwenq.schemas.errors import InvalidSetting, reason_of
from qwenq.store.database.store import make_home

MOST_BYTES = 4_096


def read_own(home: Path, name: str) -> str | None:
    """The text of a file; None if there is none that only this user can read."""
    try:
        # Opening a pipe must not wait for its writer.
        descriptor = os.open(home / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return None
        return os.read(descriptor, MOST_BYTES).decode(errors="replace").strip()
    finally:
        os.close(descriptor)


def write_own(home: Path, name: str, text: str) -> None:
    """Replace a file at once, so that no reader finds half of it. Raises InvalidSetting."""
    make_home(home)
    aside = home / f".{name}-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(aside, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        aside.replace(home / name)
    except OSError as error:
        reason = f"{home / name} cannot be written: {reason_of(error)}"
        raise InvalidSetting(name="QWENQ_HOME", reason=reason) from None
    finally:
        aside.unlink(missing_ok=True)
