"""The token of Flower's owner: drawn once for a home folder, and kept there for its user alone.

Other users of the machine reach loopback too, so without passwords the token is what opens the pages.
"""

import os
import re
import secrets
import stat
from pathlib import Path
from urllib.parse import urlencode

from qwenq.access.own_files import read_own, write_own
from qwenq.schemas.errors import NoFlowerAddress

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
    address = read_own(home, FILE)
    token = None if address is None else _TOKEN.search(address)
    return (address, token[1]) if address is not None and token else None


def _write(home: Path, address: str) -> None:
    """Replace the file. Raises InvalidSetting."""
    write_own(home, FILE, address)
