"""The functions that the store's docstring lists exist where it says."""

import ast
import re
from pathlib import Path

import pytest

import qwenq.store

FOLDER = Path(qwenq.store.__file__ or "").resolve().parent
DEEDS = re.findall(r"^    \S.*?  +(\w+(?:, \w+)*) +([\w/]+\.py)$", qwenq.store.__doc__ or "", re.MULTILINE)


def test_the_docstring_of_the_store_lists_functions() -> None:
    assert len(DEEDS) > 20


@pytest.mark.parametrize(("functions", "file"), DEEDS, ids=[functions for functions, _ in DEEDS])
def test_a_listed_function_is_in_its_file(functions: str, file: str) -> None:
    tree = ast.parse((FOLDER / file).read_text("utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(functions.split(", ")) <= defined
