"""The settings file of the working folder: obeyed only if nobody else can decide what is in it."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic_settings import TomlConfigSettingsSource
from pydantic_settings.sources.types import Traversable

from qwenq.schemas.errors import InvalidSetting, UntrustedSettingsFile, reason_of
from qwenq.schemas.machine.ownership import foreign_owner, others_may_write

SETTINGS_FILE = "qwenq.toml"
UNSEEN = "_QWENQ_UNSEEN"
"""Set for a service that another qwenq process started: nobody reads its screen."""


class SettingsFileSource(TomlConfigSettingsSource):
    """Reads the file if it exists. Raises UntrustedSettingsFile, InvalidSetting."""

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        path = Path(str(file_path))
        try:
            return tomllib.loads(_trusted_content(path).decode())
        except tomllib.TOMLDecodeError as error:
            reason = f"it is not valid TOML: {error}"
        except UnicodeDecodeError as error:
            reason = f"it is not valid UTF-8 (byte {error.start + 1})"
        except OSError as error:
            reason = f"it cannot be read: {reason_of(error)}"
        raise InvalidSetting(name=SETTINGS_FILE, reason=reason)


def _trusted_content(path: Path) -> bytes:
    """Read the file, once it is clear that only this user or root decides what is in it and what has its name.

    Folders further up do not matter: who replaces one of them can put only a file of their own there.
    """
    for folder in {path.absolute().parent, path.resolve().parent}:
        _check_folder(folder)
    _check_owner(path.lstat())
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        _check_owner(found)
        if others_may_write(found):
            raise UntrustedSettingsFile(
                name=SETTINGS_FILE,
                reason="others can write to it",
                remedy=f"Type `chmod go-w {SETTINGS_FILE}`",
            )
        return file.read()


def _check_owner(found: os.stat_result) -> None:
    if owner := foreign_owner(found):
        raise UntrustedSettingsFile(
            name=SETTINGS_FILE, reason=f"it belongs to {owner}", remedy="Copy it into a file of your own"
        )


def _check_folder(folder: Path) -> None:
    found = folder.stat()
    if owner := foreign_owner(found):
        reason = f"its folder {folder} belongs to {owner}, who can replace it"
        raise UntrustedSettingsFile(
            name=SETTINGS_FILE, reason=reason, remedy="Use it in a folder of your own"
        )
    if others_may_write(found):
        raise UntrustedSettingsFile(
            name=SETTINGS_FILE,
            reason=f"others can replace it in the folder {folder}",
            remedy=f"Type `chmod go-w {folder}`",
        )
