"""A machine with other users: whose settings file and home are used, and who can read what is written."""

import os
import stat
from pathlib import Path

import pytest

from tests.commands import qwenq_here
from tests.processes import qwenq, write_jsonl

SOMEBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
SAID = "settings of ./qwenq.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two documents and a settings file."""
    write_jsonl(tmp_path / "docs.jsonl", [{"text": "one"}, {"text": "two"}])
    (tmp_path / "qwenq.toml").write_text('model = "echo"\n')
    (tmp_path / "qwenq.toml").chmod(0o644)
    return tmp_path


def modes_below(folder: Path) -> set[str]:
    """The modes of everything below a folder that others may read, write or enter, with its path."""
    found = ((path, stat.S_IMODE(path.lstat().st_mode)) for path in folder.rglob("*"))
    return {f"{mode:o} {path}" for path, mode in found if mode & 0o077 and not path.is_symlink()}


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", "--json"),
        ("health",),
        ("check",),
        ("schedule", "list"),
        ("db", "check"),
        ("submit", "docs.jsonl"),
        ("submit", "--dry-run", "docs.jsonl"),
    ],
    ids=" ".join,
)
def test_a_command_says_once_that_it_read_the_settings_file(folder: Path, words: tuple[str, ...]) -> None:
    assert qwenq_here("db", "upgrade", cwd=folder).returncode == 0
    done = qwenq_here(*words, cwd=folder)
    assert (done.stderr + (done.stdout if words == ("check",) else "")).count(SAID) == 1
    assert words == ("check",) or SAID not in done.stdout


def test_help_says_nothing_of_the_settings_file(folder: Path) -> None:
    assert SAID not in qwenq_here("submit", "--help", cwd=folder).stderr


@as_root
def test_a_command_refuses_a_settings_file_of_somebody_else(folder: Path) -> None:
    os.chown(folder / "qwenq.toml", SOMEBODY, SOMEBODY)
    done = qwenq_here("submit", "docs.jsonl", cwd=folder)
    assert done.returncode == 2
    assert "qwenq.toml is refused: it belongs to nobody" in done.stderr
    assert not (folder / ".qwenq").exists()


def test_a_run_says_it_once_and_leaves_only_its_outputs_to_others(folder: Path) -> None:
    command = ("run", "docs.jsonl", "-o", "out/answers.jsonl")
    done = qwenq(*command, cwd=folder, env={"UMASK": "022"})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(SAID) == 1
    answers = folder / "out" / "answers.jsonl"
    umask = os.umask(0o022)
    os.umask(umask)
    assert stat.S_IMODE(answers.stat().st_mode) == 0o666 & ~umask
    assert modes_below(folder / ".qwenq") == set()


def test_what_a_submit_leaves_in_a_home_is_for_its_user_alone_even_where_others_enter(folder: Path) -> None:
    (folder / ".qwenq").mkdir()
    (folder / ".qwenq").chmod(0o755)
    assert qwenq_here("submit", "docs.jsonl", cwd=folder).returncode == 0
    assert modes_below(folder / ".qwenq") == set()


def test_check_and_run_warn_of_a_home_that_others_can_enter(folder: Path) -> None:
    (folder / ".qwenq").mkdir()
    (folder / ".qwenq").chmod(0o755)
    assert "`chmod 700 .qwenq`" in qwenq_here("check", cwd=folder).stdout
    done = qwenq("run", "docs.jsonl", "-o", "answers.jsonl", cwd=folder)
    assert done.stderr.count("`chmod 700 .qwenq`") == 1
