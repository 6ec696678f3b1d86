"""docs/reliability.md names, for each promise, a file of tests that holds it."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docs"
TEXT = (FOLDER / "reliability.md").read_text("utf-8")
_TABLES = TEXT.split("| promise | held by |\n|---|---|\n")[1:]
PROMISES = [line for table in _TABLES for line in table.partition("\n\n")[0].splitlines()]
_TESTS = re.compile(r"\]\((\.\./tests/[^)]+/test_\w+\.py)\)")


def test_a_file_of_tests_holds_each_promise() -> None:
    assert PROMISES
    assert [line for line in PROMISES if not _TESTS.search(line)] == []
