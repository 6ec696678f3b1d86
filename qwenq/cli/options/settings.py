"""The settings of a command, and what a person should know about them first."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwenq.schemas.machine.settings_file import SETTINGS_FILE, UNSEEN
from qwenq.schemas.settings import Settings, home_is_open, load_settings
from qwenq.wording.output import say


def read_settings(**overrides: Any) -> Settings:
    """Read the settings for a person, and say on stderr if the file has some. Raises what load_settings raises."""
    settings = load_settings(**overrides)
    for sentence in about_file():
        say(sentence)
    return settings


def about_file() -> Iterator[str]:
    """Say that the settings file was read, unless another qwenq process started this one."""
    if UNSEEN not in os.environ and Path(SETTINGS_FILE).is_file():
        yield f"settings of ./{SETTINGS_FILE}"


def about_home(settings: Settings) -> Iterator[str]:
    """Warn of a home folder that others can enter, unless another qwenq process started this one."""
    if UNSEEN not in os.environ and home_is_open(settings):
        yield f"others can enter {settings.home}, which holds documents; `chmod 700 {settings.home}` keeps them out"
