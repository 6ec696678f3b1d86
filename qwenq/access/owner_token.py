"""The token of Flower's owner: drawn once for a home folder, and kept there for its user alone.

Other users of the machine reach loopback too, so without passwords the token is what opens the pages.
"""

import os
import re
import secrets
import stat
from pathlib import Path
from urllib.parse import urlencode

from qwenq.schemas.errors import InvalidSetting, NoFlowerAddress, reason_of
from qwenq.store.database.store import make_home

FILE = "flower-address"
STDERR = 2
_TOKEN = re.compile(r"\?token=([A-Za-z0-9_-]{32,128})\s*$")


def owner_token(home: Path) -> str:
    """The home folder's token; it is drawn if there is none, or if others could read it."""
    kept = _kept(home)
    if kept:
        return kept[1]
    token = secrets.token_urlsafe(32)
    _write(home, page_address("http://127.0.0.1:5555/jobs", token))
    return token


def page_address(url: str, token: str) -> str:
    """The address that opens a page for its owner."""
    return f"{url}?{urlencode({'token': token})}"


def shown_address(url: str, token: str) -> str:
    """The address as standard error may show it: without the token if that is a file, which others might read."""
    try:
        is_file = stat.S_ISREG(os.fstat(STDERR).st_mode)
    except OSError:
        is_file = False
    return f"{url} (its address with the token: qwenq flower --url)" if is_file else page_address(url, token)


def keep_address(home: Path, url: str, token: str) -> None:
    """Keep the address where Flower listens, for `qwenq flower --url`."""
    _write(home, page_address(url, token))


def kept_address(home: Path) -> str:
    """The address of the Flower that was started last in the home folder. Raises NoFlowerAddress."""
    kept = _kept(home)
    if kept is None:
        raise NoFlowerAddress(home=str(home))
    return kept[0]


def _kept(home: Path) -> tuple[str, str] | None:
    """The kept address and its token; None if there is none that only this user can read."""
    try:
        # Opening a pipe must not wait for its writer.
        descriptor = os.open(home / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            return None
        address = os.read(descriptor, 4_096).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    token = _TOKEN.search(address)
    return (address, token[1]) if token else None


def _write(home: Path, address: str) -> None:
    """Replace the file at once, so that no reader finds half of it. Raises InvalidSetting."""
    make_home(home)
    aside = home / f".{FILE}-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(aside, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(address + "\n")
        aside.replace(home / FILE)
    except OSError as error:
        reason = f"{home / FILE} cannot be written: {reason_of(error)}"
        raise InvalidSetting(name="QWENQ_HOME", reason=reason) from None
    finally:
        aside.unlink(missing_ok=True)
