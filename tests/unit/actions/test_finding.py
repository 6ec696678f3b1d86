"""The conditions of `qwenq documents --where`."""

import pytest

from qwenq.actions.finding import read_conditions
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.states import DocumentState
from qwenq.schemas.views.found_documents import AnswerKind, DocumentFilter


def test_conditions_narrow_the_search_together() -> None:
    found = read_conditions(["id=a=b", "text=two words", "answer=no", "code=too_long", "state=failed", "cut"])
    assert found == DocumentFilter("a=b", "two words", "no", "too_long", DocumentState.FAILED, AnswerKind.CUT)
    assert not read_conditions([])


@pytest.mark.parametrize("condition", ["", "text", "text=", "state=done", "cut=yes", "name=x", "failed"])
def test_an_unknown_condition_is_refused_with_those_that_there_are(condition: str) -> None:
    with pytest.raises(
        InvalidParameter, match=r"text=PART.*cut, empty, reasoning_cut, reasoning_ended, reused"
    ):
        read_conditions([condition])
