"""How long documents will take: as long as those that were answered in the last seconds."""

from dataclasses import replace

import pytest

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.pace import HALF_LIFE_SECONDS, Pace
from qwenq.worker.keeping.stalling import StallWatch
from tests.builders import answer as answer_of
from tests.turns import quick


@pytest.fixture
def moment() -> list[float]:
    """What the clock says."""
    return [0.0]


@pytest.fixture
def pace(moment: list[float]) -> Pace:
    """A pace by that clock."""
    return Pace(lambda: moment[0])


def answer(pace: Pace, documents: int, size: int = 100) -> None:
    for _ in range(documents):
        pace.count(size)


def test_nothing_is_known_before_the_first_answers(pace: Pace, moment: list[float]) -> None:
    moment[0] = 60.0
    assert pace.seconds_for(1, 100) is None


def test_documents_take_as_long_as_those_before(pace: Pace, moment: list[float]) -> None:
    answer(pace, documents=20)
    moment[0] = 2.0
    assert pace.seconds_for(50, 5_000) == pytest.approx(5.0)


def test_longer_documents_take_longer_and_shorter_ones_no_less(pace: Pace, moment: list[float]) -> None:
    answer(pace, documents=20)
    moment[0] = 2.0
    assert pace.seconds_for(50, 10_000) == pytest.approx(10.0)
    assert pace.seconds_for(50, 50) == pytest.approx(5.0)


def test_what_was_measured_long_ago_counts_little(pace: Pace, moment: list[float]) -> None:
    answer(pace, documents=1_000)
    moment[0] = 1.0
    pace.seconds_for(1, 1)
    moment[0] += 5 * HALF_LIFE_SECONDS
    answer(pace, documents=50)
    assert pace.seconds_for(10, 10) == pytest.approx(6.2, abs=0.5)


def test_the_time_between_two_turns_does_not_count(pace: Pace, moment: list[float]) -> None:
    answer(pace, documents=20)
    moment[0] = 2.0
    pace.seconds_for(1, 1)
    moment[0] = 3_600.0
    pace.begin()
    assert pace.seconds_for(10, 10) == pytest.approx(1.0)


@pytest.mark.parametrize("has_asked", [False, True], ids=["only copied", "beside generation"])
def test_only_time_in_which_something_is_generated_counts(
    pace: Pace, moment: list[float], has_asked: bool
) -> None:
    """A minute of earlier answers; meanwhile a document is on its way through the engine, or none is."""
    ledger = Ledger(StallWatch("none", stall_seconds=60.0), quick(), pace)
    documents = [(seq, "x" * 100) for seq in range(2_000)]
    held = ledger.open(Assignment(Claim(1, 1, 1, 1, 0, 1_999), PromptSpec(), GenerationParams(), documents))
    for seq in range(20):
        held.begin(seq)
        ledger.add(replace(answer_of(seq), chunk_id=1))
    moment[0] = 2.0
    ledger.backlog()
    if has_asked:
        held.begin(20)
    for seq in range(21, 600):
        held.begin(seq)
        moment[0] += 0.1
        ledger.add(replace(answer_of(seq), chunk_id=1, reused_from=7))
    assert held.asked == has_asked
    backlog = ledger.backlog()
    assert backlog.seconds is not None
    assert (backlog.seconds > backlog.documents) is has_asked, "at first a document took a tenth of a second"
