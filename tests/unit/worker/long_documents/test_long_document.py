"""A long document's outcome, from the answers to its parts and the last merge."""

from typing import Any, cast

import pytest

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.prompts.messages import Prompt
from qwenq.schemas.requests import Request
from qwenq.schemas.results import FinishReason, Usage
from qwenq.worker.long_documents.long_document import LongDocument
from tests.builders import answer

PARTS = (Part(0, 0, 0, 0, 5), Part(0, 0, 1, 5, 9))


@pytest.mark.parametrize("earlier", [False, True], ids=["this-attempt", "an-earlier-attempt"])
@pytest.mark.parametrize("reason", [FinishReason.STOP, FinishReason.LENGTH])
def test_an_answer_to_a_part_that_was_cut_makes_the_document_cut(reason: FinishReason, earlier: bool) -> None:
    given = {PARTS[0]: PartAnswer("", reason, Usage(), 0.0)}
    request = Request(0, Prompt.whole(()), GenerationParams())
    document = LongDocument(cast("Any", None), cast("Any", None), request, given if earlier else {})
    document.begin(PARTS, {})
    for part, one in given.items():
        document.add(part, one)
    document.add(PARTS[1], PartAnswer("x", FinishReason.STOP, Usage(), 0.0))
    assert document.outcome(answer(0)).finish_reason is reason
