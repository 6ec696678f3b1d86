"""How far a turn is; reporting it holds nobody up."""

import threading
import time
from dataclasses import replace

from qwenq.schemas.chunks import Assignment, Claim, PendingDocument
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.worker.keeping.progress import LAST_WORD_SECONDS, ProgressCount, TurnProgress, reporting
from tests.builders import answer
from tests.waiting import eventually


def assignment(chunk_id: int, documents: int) -> Assignment:
    claim = Claim(chunk_id, 7, 1, 3, 0, documents - 1)
    pending: list[PendingDocument] = [(seq, "{}") for seq in range(documents)]
    return Assignment(claim, PromptSpec(), GenerationParams(), pending)


def outcome(seq: int, chunk_id: int) -> Outcome:
    return replace(answer(seq), chunk_id=chunk_id)


def test_a_turn_without_a_claim_has_no_progress() -> None:
    assert ProgressCount().now() is None


def test_progress_is_that_of_the_chunk_with_the_last_outcome() -> None:
    count = ProgressCount()
    count.begin(assignment(12, 500))
    count.begin(assignment(13, 40))
    assert str(count.now()) == "job 7, chunk 12, attempt 1: 0 of 500 documents; 2 chunks in this turn"
    count.add(outcome(0, 13))
    assert str(count.now()) == "job 7, chunk 13, attempt 1: 1 of 40 documents; 2 chunks in this turn"
    assert str(TurnProgress(1, 2, 1, 0, 1, 1)) == "job 1, chunk 2, attempt 1: 0 of 1 document"


def test_the_end_of_a_turn_does_not_wait_for_a_broker_that_hangs() -> None:
    called, never = threading.Event(), threading.Event()

    def tell(_progress: TurnProgress) -> None:
        called.set()
        never.wait()

    with reporting(lambda: TurnProgress(1, 2, 1, 0, 5, 1), tell):
        assert called.wait(30)
        ended = time.monotonic()
    assert time.monotonic() - ended < LAST_WORD_SECONDS + 30
    never.set()


def test_unchanged_progress_is_reported_once() -> None:
    told: list[TurnProgress] = []
    looks: list[None] = []

    def look() -> TurnProgress:
        looks.append(None)
        return TurnProgress(1, 2, 1, 0, 5, 1)

    with reporting(look, told.append):
        eventually(lambda: len(looks) > 1, "it looks a second time")
    assert len(told) == 1
