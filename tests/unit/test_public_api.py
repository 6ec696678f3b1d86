"""The public API: exactly the documented names, all typed and explained."""

import ast
import importlib.metadata
import inspect
import re
import typing
from pathlib import Path
from typing import Any

import pytest

import qwenq
from qwenq import api
from qwenq.api.lines import Answers, Lines
from qwenq.schemas import errors
from qwenq.schemas.jobs import JobFilter, JobOrder, JobStatus, Priority
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, Result
from qwenq.schemas.settings import Settings
from qwenq.schemas.views.job_metrics import JobMetrics
from qwenq.schemas.views.job_pages import FailureReasons

ROOT = Path(__file__).parents[2]
FUNCTIONS: dict[str, Any] = {
    "submit": JobStatus,
    "run": Answers,
    "status": JobStatus,
    "jobs": list[JobStatus],
    "results": Lines[Result],
    "errors": Lines[ErrorLine],
    "failure_reasons": FailureReasons,
    "history": Lines[HistoryLine],
    "metrics": JobMetrics,
    "parts": Lines[PartLine],
    "cancel": JobStatus,
    "pause": JobStatus,
    "resume": JobStatus,
    "retry": JobStatus,
    "wait": JobStatus,
}
KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Answers, ErrorLine, FailureReasons, HistoryLine, JobFilter, JobMetrics, JobOrder, JobStatus, Lines),
        *(PartLine, Priority, Result, Settings),
    )
}
"""What the functions take and give."""
ERRORS: dict[str, type] = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind)
    and (
        kind in {errors.QwenqError, errors.WaitTimeout}
        or issubclass(kind, errors.UsageError | errors.ServiceAway)
    )
}
"""What they may raise: QwenqError, and its children that a caller can meet."""


def test_the_public_names_are_the_documented_ones() -> None:
    assert sorted(qwenq.__all__) == sorted(["__version__", *FUNCTIONS, *KINDS, *ERRORS])
    assert len(set(qwenq.__all__)) == len(qwenq.__all__)


def test_a_notebook_completes_the_public_names_alone() -> None:
    assert dir(qwenq) == sorted(qwenq.__all__)


@pytest.mark.parametrize(("name", "kind"), (KINDS | ERRORS).items())
def test_a_public_class_is_the_one_that_functions_give_and_raise(name: str, kind: type) -> None:
    assert getattr(qwenq, name) is kind


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
        if isinstance(node, ast.ImportFrom) and node.module not in {"importlib", "typing"}
        for alias in node.names
    }
    assert imported == {*FUNCTIONS, *KINDS, *ERRORS}
    assert Path(qwenq.__file__).with_name("py.typed").is_file()


def test_the_api_package_exports_the_functions_and_what_they_give_back() -> None:
    assert sorted(api.__all__) == sorted([*FUNCTIONS, "Answers", "Lines"])


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
    assert {"run", "submit", "wait", "results"} <= used <= set(FUNCTIONS)
