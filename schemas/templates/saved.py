"""A template that a person saved, in versions."""

import re
from dataclasses import dataclass
from datetime import datetime

from qwenq.schemas.errors import InvalidParameter

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class SavedTemplate:
    """One version of a saved template. `merge` is its merge prompt; `saved_by` a claim that nothing checks."""

    name: str
    version: int
    text: str
    merge: str | None
    saved_by: str | None
    saved_at: datetime

    @property
    def label(self) -> str:
        """What a job shows."""
        return f"{self.name}, version {self.version}"


def check_template_name(name: str) -> None:
    """Raise InvalidParameter for a name that cannot be saved."""
    if not _NAME.fullmatch(name):
        reason = "it must have 1 to 64 letters, digits, dots, _ and -, and begin with a letter or digit"
        raise InvalidParameter(name=f"the name {name!r}", reason=reason)


def name_and_version(named: str) -> tuple[str, int | None]:
    """Split `name@3`; without a version, the newest is meant. Raises InvalidParameter."""
    name, at, version = named.partition("@")
    if not at:
        return name, None
    if not _VERSION.fullmatch(version):
        reason = f"after the @ of {named!r} comes the number of a version, as in {name or 'name'}@2"
        raise InvalidParameter(name="--template", reason=reason)
    return name, int(version)
