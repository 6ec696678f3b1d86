"""A short chaos run on each database breaks no promise.

`make chaos` runs for the given minutes.
"""

from pathlib import Path

import pytest

from tests.chaos.audit.table import tell
from tests.chaos.plan import LONG_TO_FIND, draw_plan
from tests.chaos.run import SHORT, play

SEED = 102
SECONDS = 8.0
FAULTS_A_MINUTE = 60.0


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_no_promise_is_broken_by_faults_that_overlap(tmp_path: Path, database: str) -> None:
    plan = draw_plan(SEED, database, SECONDS, FAULTS_A_MINUTE, LONG_TO_FIND)
    outcome = play(tmp_path / "run", database, SEED, plan, SHORT)
    report = tell(outcome)
    assert outcome.violations == [], report
    assert sum(not met.missed for met in outcome.evidence.met) > len(plan) / 2, report
