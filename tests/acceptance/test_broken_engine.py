"""An engine that cannot start is told in `qwenq run`, whatever breaks it."""

import os
import time
from pathlib import Path

import pytest

from tests.processes import TINY_MODEL, qwenq

REPOSITORY = TINY_MODEL.parents[1]
MOST_SECONDS = 60.0
"""Where nothing else runs it takes 8."""


@pytest.mark.parametrize(
    ("module", "code", "said"),
    [
        ("torch", "raise ImportError('libc10.so: undefined symbol: x')", "undefined symbol: x"),
        ("tokenizers", "import ctypes; ctypes.CDLL(None).abort()", "crashed (SIGABRT)"),
    ],
    ids=["an import error", "a crash"],
)
def test_a_library_that_cannot_be_loaded_ends_the_run_within_seconds(
    folder: Path, documents: Path, module: str, code: str, said: str
) -> None:
    broken = folder / "broken"
    broken.mkdir()
    (broken / f"{module}.py").write_text(code)
    environment = {"PYTHONPATH": os.pathsep.join([str(broken), str(REPOSITORY)])}
    began = time.monotonic()
    ran = qwenq("run", documents, "--model", TINY_MODEL, "-o", "out.jsonl", cwd=folder, env=environment)
    assert time.monotonic() - began < MOST_SECONDS
    assert ran.returncode == 3, ran.stderr
    assert f"The model {TINY_MODEL} cannot be loaded: " in ran.stderr
    assert said in ran.stderr
