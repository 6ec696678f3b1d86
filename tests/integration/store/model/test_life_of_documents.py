"""Submit, claim, write, reuse, rescue, halve, release, cancel, prune in random order: store and model agree."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from qwenq.store.database.store import Store
from qwenq.store.life import removal
from tests.integration.store.model.holding import ROWS_AT_ONCE
from tests.integration.store.model.machine import LifeOfDocuments

ASKED_EXAMPLES = os.environ.get("MODEL_EXAMPLES")
STEPS = 40


def test_store_and_model_agree_after_every_step(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "ROWS_AT_ONCE", ROWS_AT_ONCE)

    class OnThisStore(LifeOfDocuments):
        def __init__(self) -> None:
            super().__init__(store)

    run_state_machine_as_test(
        OnThisStore,
        settings=settings(
            max_examples=int(ASKED_EXAMPLES or 12),
            stateful_step_count=STEPS,
            derandomize=ASKED_EXAMPLES is None,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking a failing case takes minutes; skip it when time is short.
            phases=list(Phase) if ASKED_EXAMPLES else [Phase.generate],
        ),
    )
