"""A sweep reads every file of a folder, and fails for one that takes too much."""

import subprocess
import sys
from pathlib import Path


def test_a_sweep_prints_what_became_of_each_file(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("text\nThe contract begins on 1 May.\n")
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\nnot JSON\n')
    (tmp_path / "skipped.bin").write_bytes(b"\0")
    done = _sweep(tmp_path, "--show", "40")
    assert done.returncode == 0
    assert "1 good      1 bad  bad rows  bad.jsonl  1x broken JSON" in done.stdout
    assert 'good.csv  \n        {"text":"The contract begins on 1 May."' in done.stdout
    assert "2 files: bad rows 1, read 1; 0 failed" in done.stdout


def test_a_sweep_fails_for_a_file_that_takes_too_much_memory(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("text\nThe contract begins on 1 May.\n")
    done = _sweep(tmp_path, "--mib", "1")
    assert done.returncode == 1
    assert "1 failed\nFAILED" in done.stdout


def _sweep(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.sweep", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)
