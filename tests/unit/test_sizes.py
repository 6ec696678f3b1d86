"""Modules of a room, and its folders, stay small."""

from collections import Counter

import pytest

from tests.rooms import MAY_IMPORT, ROOT, files_of

MOST_MODULES = 18
MOST_LINES = 320
MAY_BE_LONG = {"schemas/errors.py"}
"""All errors, in one list."""


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_folder_of_a_room_holds_too_many_modules(room: str) -> None:
    # Migrations are never merged: their folder grows with each version.
    modules = Counter(path.parent for path in files_of(room) if path.parent.name != "versions")
    assert modules
    assert [f"{folder}: {count}" for folder, count in modules.items() if count > MOST_MODULES] == []


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_no_module_of_a_room_is_too_long(room: str) -> None:
    lines = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in files_of(room)}
    too_long = {path.as_posix(): count for path, count in lines.items() if count > MOST_LINES}
    assert {path: count for path, count in too_long.items() if path not in MAY_BE_LONG} == {}
