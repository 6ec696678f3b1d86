"""What an interrupted `qwenq run` leaves is listed, kept whatever interrupts the next one, and pruned."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qwenq.embedded import session
from qwenq.embedded.home import TypedCommand, hold_home, home_of_one_shot
from qwenq.embedded.interrupted import how_to_go_on, say_others
from qwenq.schemas.settings import Settings
from tests.commands import qwenq_here
from tests.processes import read_jsonl, write_jsonl

RUN = ("run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl")
LATE = """
import sys, qwenq.embedded.one_shot as one_shot
def interrupt(*_, **__):
    raise KeyboardInterrupt
one_shot._write_outputs = interrupt
from qwenq.cli import main
main()
"""
DAY = 86_400


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run was interrupted after its answers, before they were written."""
    folder = tmp_path_factory.mktemp("left")
    write_jsonl(folder / "docs.jsonl", [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])
    (folder / "late.py").write_text(LATE)
    done = subprocess.run(
        [sys.executable, "late.py", *RUN], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert "interrupted: the same command goes on from there" in done.stderr
    return folder


@pytest.fixture
def interrupted(left: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    folder = Path(shutil.copytree(left, tmp_path / "again"))
    TypedCommand(RUN, str(folder)).keep(home_in(folder))
    return folder


def home_in(folder: Path) -> Path:
    (home,) = (folder / ".qwenq" / "one-shots").iterdir()
    return home


def test_runs_shows_how_to_go_on_and_how_to_get_the_answers_so_far(interrupted: Path) -> None:
    told = qwenq_here("runs", cwd=interrupted).stdout
    assert re.search(rf"^{home_in(interrupted).name}  interrupted .+ ago, 2 of 2 documents", told)
    assert f"&& qwenq {' '.join(RUN)}" in told
    command = told.partition("answers  QWENQ_HOME=")[2].strip().replace("FILE", "so-far.jsonl")
    home, *words = shlex.split(command)
    written = qwenq_here(*words[1:], cwd=interrupted, env={"QWENQ_HOME": home})
    assert written.returncode == 0, written.stderr
    assert [answer["text"] for answer in read_jsonl(interrupted / "so-far.jsonl")] == ["one", "two"]
    (shown,) = json.loads(qwenq_here("runs", "--json", cwd=interrupted).stdout)
    assert (shown["running"], shown["job"]["documents"]["succeeded"]) == (False, 2)


def test_a_run_over_other_contents_names_the_interrupted_one(
    interrupted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, command = Settings(home=interrupted / ".qwenq"), TypedCommand(RUN, str(interrupted))
    say_others(settings, home_in(interrupted).name, command)
    say_others(settings, "another key", TypedCommand((*RUN, "--bom"), str(interrupted)))
    assert capsys.readouterr().err == ""
    say_others(settings, "another key", command)
    assert "over other contents of its input: `qwenq runs`" in capsys.readouterr().err


def test_an_interrupt_before_the_job_is_found_again_loses_no_answer(
    interrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_settings: Settings) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "start_redis", interrupt)
    stopped = qwenq_here(*RUN, cwd=interrupted)
    assert stopped.returncode == 130, stopped.stderr
    assert (home_in(interrupted) / "qwenq.db").exists()
    assert "2 of 2 documents" in qwenq_here("runs", cwd=interrupted).stdout


def test_status_says_that_an_interrupted_run_is_kept(interrupted: Path) -> None:
    assert "1 interrupted run kept: `qwenq runs`" in qwenq_here("status", cwd=interrupted).stderr


def test_prune_removes_interrupted_runs_by_their_age_and_none_that_runs(interrupted: Path) -> None:
    home = home_in(interrupted)
    young = qwenq_here("db", "prune", "--older-than", "1d", cwd=interrupted)
    assert (young.returncode, "does not exist" in young.stderr) == (2, True)
    for path in (home / "command.json", *home.glob("logs/*")):
        os.utime(path, (DAY, DAY))
    foreseen = qwenq_here("db", "prune", "--older-than", "1d", cwd=interrupted)
    assert f"interrupted `qwenq run` {home.name}" in foreseen.stdout
    assert "1 interrupted `qwenq run`" in foreseen.stderr
    with hold_home(home):
        qwenq_here("db", "prune", "--older-than", "1d", "--yes", cwd=interrupted)
        assert home.exists()
    done = qwenq_here("db", "prune", "--older-than", "1d", "--yes", cwd=interrupted)
    assert done.returncode == 0, done.stderr
    assert not home.exists()


def test_prune_removes_what_a_run_left_that_was_killed_before_it_stored_anything(folder: Path) -> None:
    settings = Settings(home=folder / ".qwenq")
    with home_of_one_shot(settings, "empty", TypedCommand(RUN, str(folder))) as home:
        home.kept = True
    assert "no document is stored" in qwenq_here("runs", cwd=folder).stdout
    assert qwenq_here("db", "prune", "--yes", cwd=folder).returncode == 0
    assert list((folder / ".qwenq" / "one-shots").iterdir()) == []


def test_what_is_said_of_an_input_that_cannot_be_read_twice_gives_the_answers_so_far(
    interrupted: Path,
) -> None:
    said = how_to_go_on(Settings(home=home_in(interrupted)), 1, again=False)
    home, words = said.partition("`QWENQ_HOME=")[2].partition("`")[0].split(" qwenq ")
    written = qwenq_here(
        *words.replace("FILE", "so-far.jsonl").split(), cwd=interrupted, env={"QWENQ_HOME": home}
    )
    assert written.returncode == 0, written.stderr
    assert [answer["text"] for answer in read_jsonl(interrupted / "so-far.jsonl")] == ["one", "two"]
