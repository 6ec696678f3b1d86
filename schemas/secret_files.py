"""Settings as files of a folder, one each: so systemd, Docker and Kubernetes hand over secrets."""

import os
import stat
import warnings
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SecretsSettingsSource

from qwenq.schemas.errors import reason_of


class SecretFiles(SecretsSettingsSource):
    """Reads each setting from the file of its name, if there is one that can be read and is not empty.

    Never raises: `fault_in_secrets` says what is wrong with the folder, as with any other setting.
    """

    def __init__(self, settings: type[BaseSettings], folder: str | None) -> None:
        super().__init__(settings, secrets_dir=folder if folder and os.path.isdir(folder) else None)  # noqa: PTH112

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the file's text without white space at its ends; None when there is none."""
        try:
            with warnings.catch_warnings(action="ignore"):
                value, key, is_complex = super().get_field_value(field, field_name)
        except (OSError, UnicodeError):
            return None, field_name, False
        return value or None, key, is_complex


def secret_file(folder: Path, name: str) -> Path | None:
    """The file of a setting, named in any case; None when there is none."""
    try:
        return next((file for file in folder.iterdir() if file.name.lower() == name), None)
    except OSError:
        return None


def fault_in_secrets(folder: Path, settings: type[BaseSettings]) -> str | None:
    """What is wrong with a folder of secrets: it cannot be read, or other users may write into it."""
    try:
        found = {file.name.lower(): file for file in folder.iterdir()}
    except OSError as error:
        return f"the folder {folder} cannot be read: {reason_of(error)}"
    prefix = settings.model_config.get("env_prefix", "")
    files = [
        found[name]
        for name in (f"{prefix}{field}".lower() for field in settings.model_fields)
        if name in found
    ]
    return _fault_of_folder(folder) or next((fault for fault in map(_fault_of_file, files) if fault), None)


def _fault_of_folder(folder: Path) -> str | None:
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return f"other users may write into {folder}: run chmod o-w on it"
    return None


def _fault_of_file(file: Path) -> str | None:
    try:
        if not file.is_file():
            return f"{file} is not a file"
        if file.parent.resolve() not in file.resolve().parents:
            return f"{file} links out of its folder: put a copy there"
        if file.stat().st_mode & stat.S_IWOTH:
            return f"other users may write {file}: run chmod o-w on it"
        file.read_text("utf-8")
    except UnicodeError:
        return f"{file} is not text in UTF-8"
    except OSError as error:
        return f"{file} cannot be read: {reason_of(error)}"
    return None
