"""A process and its children import nothing from the working folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwenq.schemas.machine.import_path import safe_variables

ROOT = str(Path(__file__).parents[4])
LOOK = """\
import sys
from qwenq.schemas.machine.import_path import leave_working_folder_out
leave_working_folder_out()
import os, subprocess
child = "import sys; print(any(p in ('', {here!r}) for p in sys.path))".format(here=os.getcwd())
print(any(p in ("", os.getcwd()) for p in sys.path))
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout.strip())
"""


@pytest.mark.parametrize("entries", ["", ":", f":{ROOT}", f"{ROOT}:", f".:{ROOT}", f"{ROOT}::/nowhere"])
def test_the_working_folder_is_left_out_however_it_came_in(tmp_path: Path, entries: str) -> None:
    program = tmp_path / "look"
    program.mkdir()
    (program / "look.py").write_text(LOOK)
    path = f"{entries}:{ROOT}" if ROOT not in entries else entries
    said = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=program,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["False", "False"]


def test_an_absolute_entry_stays_and_a_relative_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert safe_variables({"PYTHONPATH": "/a::b:.:/c"}) == {"PYTHONSAFEPATH": "1", "PYTHONPATH": "/a:/c"}


def test_without_entries_only_safe_path_is_set() -> None:
    assert safe_variables({}) == {"PYTHONSAFEPATH": "1"}
    assert safe_variables({"PYTHONPATH": ""}) == {"PYTHONSAFEPATH": "1"}


def test_the_folder_of_qwenq_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert safe_variables({"PYTHONPATH": "."})["PYTHONPATH"] == ROOT
