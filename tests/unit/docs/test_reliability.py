"""docs/reliability.md names, for each promise, tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs"
TEXT = (FOLDER / "reliability.md").read_text("utf-8")
_TABLES = TEXT.split("| promise | held by |\n|---|---|\n")[1:]
PROMISES = [line for table in _TABLES for line in table.partition("\n\n")[0].splitlines()]
_NAMED = re.compile(r"\[(test_\w+)\]\(([^)]+\.py)\)")


def test_every_test_that_is_named_is_there() -> None:
    named = _NAMED.findall(TEXT)
    assert named
    missing = [
        f"{path}::{name}"
        for name, path in named
        if not re.search(rf"^def {name}\(", (FOLDER / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_promise_is_held_by_a_test() -> None:
    assert PROMISES
    assert [line for line in PROMISES if not _NAMED.search(line)] == []


def test_what_is_not_promised_is_told() -> None:
    assert TEXT.partition("## What it does not promise")[2].count("\n- **") > 0
