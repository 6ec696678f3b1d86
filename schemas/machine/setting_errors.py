"""What is wrong with settings, and where a person corrects each."""

import os
from pathlib import Path

from pydantic import ValidationError

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.machine.settings_file import SETTINGS_FILE
from qwenq.schemas.machine.wrong_values import why_wrong
from qwenq.schemas.secret_files import secret_file


def errors_in(error: ValidationError, prefix: str) -> list[InvalidSetting]:
    """What is wrong with each setting, named as in the environment, with this prefix."""
    wrong: list[InvalidSetting] = []
    for found in error.errors():
        name = "_".join(str(part) for part in found["loc"])
        if found["type"] == "extra_forbidden":
            wrong.append(InvalidSetting(name=SETTINGS_FILE, reason=f"there is no setting {name!r}"))
        else:
            wrong.append(InvalidSetting(name=_origin(name, prefix), reason=why_wrong(found)))
    return wrong


def _origin(name: str, prefix: str) -> str:
    """Where a person corrects a setting: its secret file if its value is from there, else the environment."""
    variable, folder = prefix + name.upper(), os.environ.get(f"{prefix}SECRETS_DIR")
    file = secret_file(Path(folder), variable.lower()) if folder and variable not in os.environ else None
    return str(file or variable)
