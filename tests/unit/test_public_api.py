"""The public API: exactly the documented names, all typed and explained."""

import ast
import importlib.metadata
import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qwenq
from qwenq import api
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, Result
from qwenq.schemas.views.job_metrics import JobMetrics
from qwenq.schemas.views.job_pages import FailureReasons

ROOT = Path(__file__).parents[2]
FUNCTIONS: dict[str, Any] = {
    "submit": JobStatus,
    "status": JobStatus,
    "jobs": list[JobStatus],
    "results": Iterator[Result],
    "errors": Iterator[ErrorLine],
    "failure_reasons": FailureReasons,
    "history": Iterator[HistoryLine],
    "metrics": JobMetrics,
    "parts": Iterator[PartLine],
    "cancel": JobStatus,
    "pause": JobStatus,
    "resume": JobStatus,
    "retry": JobStatus,
    "wait": JobStatus,
}


def test_the_public_names_are_the_documented_ones() -> None:
    assert sorted(qwenq.__all__) == sorted(["__version__", *FUNCTIONS])
    assert len(set(qwenq.__all__)) == len(qwenq.__all__)


@pytest.mark.parametrize("name", qwenq.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(qwenq, name) is not None


@pytest.mark.parametrize("name", qwenq.__all__)
def test_no_module_of_the_package_hides_a_public_name(name: str) -> None:
    """A module qwenq.jobs, once imported, would take the place of the function."""
    package = Path(qwenq.__file__).parent
    assert not (package / name).exists()
    assert not (package / f"{name}.py").exists()


def test_other_names_are_not_public() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'load_settings'"):
        _ = qwenq.load_settings


def test_type_checkers_see_the_public_names() -> None:
    tree = ast.parse(Path(qwenq.__file__).read_text("utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "qwenq.api"
        for alias in node.names
    }
    assert imported == set(FUNCTIONS)
    assert Path(qwenq.__file__).with_name("py.typed").is_file()


def test_the_api_module_holds_nothing_else_that_looks_public() -> None:
    defined = [
        name
        for name, value in vars(api).items()
        if inspect.isfunction(value) and value.__module__ == api.__name__ and not name.startswith("_")
    ]
    assert sorted(defined) == sorted(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_typed_parameters_and_results(name: str) -> None:
    function = getattr(qwenq, name)
    hints = typing.get_type_hints(function)
    assert hints.pop("return") == FUNCTIONS[name]
    assert set(hints) == set(inspect.signature(function).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_one_positional_parameter(name: str) -> None:
    """Further parameters can then be added without breaking callers."""
    kinds = [parameter.kind for parameter in inspect.signature(getattr(qwenq, name)).parameters.values()]
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) == 1
    assert inspect.Parameter.KEYWORD_ONLY in kinds


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_what_it_raises(name: str) -> None:
    assert "Raises " in inspect.getdoc(getattr(qwenq, name))  # type: ignore[operator]


def test_the_version_is_the_packages() -> None:
    assert qwenq.__version__ == importlib.metadata.version("qwenq")


def test_the_readme_uses_only_public_names() -> None:
    used = set(re.findall(r"\bqwenq\.([a-z_]+)\(", (ROOT / "README.md").read_text("utf-8")))
    assert {"submit", "wait", "results"} <= used <= set(FUNCTIONS)
