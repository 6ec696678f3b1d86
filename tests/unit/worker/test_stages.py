"""Stages of a turn: a claim that they have nothing to do with passes untouched, so it costs them nothing."""

from pathlib import Path
from threading import Condition

import pytest

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import EngineHooks
from qwenq.store.database.store import Store
from qwenq.worker.engines.echo.engine import EchoEngine
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.keeping.open_claim import OpenClaim
from qwenq.worker.keeping.stalling import StallWatch
from qwenq.worker.long_documents.gauge import Gauge
from qwenq.worker.long_documents.stage import LongDocumentStage
from qwenq.worker.reuse.stage import ReuseStage
from qwenq.worker.turn.job_prompt import JobPrompt
from qwenq.worker.turn.stage import ClaimedRequests, Stage
from tests.builders import answer
from tests.turns import INFO, quick


@pytest.fixture
def outcomes() -> list[Outcome]:
    """What the stages passed up."""
    return []


@pytest.fixture
def stages(outcomes: list[Outcome], tmp_path: Path) -> list[Stage]:
    """The stages of a turn; the store has no tables, so that a question to it would fail."""
    store = Store(f"sqlite:///{tmp_path / 'empty.db'}")
    engine = EchoEngine(EngineOptions(), EngineHooks(lambda: None, lambda _: None))
    ledger = Ledger(StallWatch("none", stall_seconds=60), quick())
    reuse = ReuseStage(store, INFO, outcomes.append, at_once=10)
    return [reuse, LongDocumentStage(store, Gauge(engine, INFO.context), ledger, outcomes.append)]


def plain_claim() -> ClaimedRequests:
    """A claim of a job with neither reuse nor splitting."""
    assignment = Assignment(Claim(1, 1, 1, 1, 0, 0), PromptSpec(), GenerationParams(), [(0, "{}")])
    claim = OpenClaim(assignment, Condition())
    prompt = JobPrompt.of(assignment.prompt, assignment.params, INFO)
    return ClaimedRequests(claim, prompt, {0: "{}"}, reuse=False, requests=iter(()))


def test_a_claim_without_reuse_and_splitting_passes_each_stage_untouched(stages: list[Stage]) -> None:
    for stage in stages:
        claimed = plain_claim()
        assert [one is claimed for one in stage.requests(iter([claimed]))] == [True]


def test_an_idle_feed_is_passed_down_as_idle(stages: list[Stage]) -> None:
    for stage in stages:
        assert list(stage.requests(iter([None]))) == [None]


def test_an_outcome_that_no_stage_knows_passes_up_unchanged(
    stages: list[Stage], outcomes: list[Outcome]
) -> None:
    outcome = answer(0)
    for stage in stages:
        stage.settle(outcome)
    assert [one is outcome for one in outcomes] == [True, True]
