"""The tree of errors: its drawing is right, messages are complete, errors can be sent between processes."""

import pickle
import re
import typing
from dataclasses import MISSING, fields

import pytest

from qwenq.schemas import errors
from qwenq.schemas.errors import DocumentFailed, QwenqError, ServiceAway, UsageError

EXAMPLES: dict[object, object] = {str: "the fact", int: 7, float: 1.5, float | None: 1.5}


def family(kind: type[QwenqError]) -> list[type[QwenqError]]:
    return [kind, *(member for child in kind.__subclasses__() for member in family(child))]


def example(kind: type[QwenqError]) -> QwenqError:
    if "__dataclass_fields__" not in vars(kind):
        return kind()
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: EXAMPLES[hints[field.name]] for field in fields(kind)})  # type: ignore[arg-type]


ALL = [kind for kind in family(QwenqError) if kind.__module__ == errors.__name__]


def test_the_drawn_tree_is_the_tree_of_errors() -> None:
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([ │├└─]*)([A-Z]\w+Error|[A-Z][a-z]+[A-Z]\w+)\b", line)
        if found and (found.group(1).endswith("── ") or found.group(2) == "QwenqError"):
            drawn.append((len(found.group(1)) // 4 - 1, found.group(2)))

    def real(kind: type[QwenqError], depth: int) -> list[tuple[int, str]]:
        below = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
        return [(depth, kind.__name__), *(pair for child in below for pair in real(child, depth + 1))]

    assert sorted(drawn) == sorted(real(QwenqError, 0))


def test_the_drawn_tree_names_the_codes() -> None:
    codes = dict(re.findall(r"── (\w+) +code (\w+)", errors.__doc__ or ""))
    assert codes == {kind.__name__: kind.code for kind in DocumentFailed.__subclasses__()}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_message_fills_in_all_fields(kind: type[QwenqError]) -> None:
    message = str(example(kind))
    assert message
    assert "\n" not in message
    assert "{" not in message
    assert message[-1] in ".?!t"


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_field_of_an_error_is_in_its_message(kind: type[QwenqError]) -> None:
    """Unless it may be left out, as what is for programs alone."""
    known = getattr(kind, "__dataclass_fields__", {}).values()
    optional = {field.name for field in known if field.default is not MISSING}
    for name in example(kind).facts.keys() - optional:
        assert f"{{{name}" in (kind.__doc__ or "")


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_can_be_pickled(kind: type[QwenqError]) -> None:
    error = example(kind)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert copy.facts == error.facts
    assert str(copy) == str(error)


def test_usage_errors_exit_with_2_and_services_away_with_3() -> None:
    assert {kind.exit_code for kind in family(UsageError)} == {2}
    assert {kind.exit_code for kind in family(ServiceAway)} == {3}
