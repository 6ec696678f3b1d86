"""The report lists each fault and each promise, and where one was broken."""

from dataclasses import replace
from pathlib import Path

from tests.chaos.audit.auditor import PROMISES, Violation, violations
from tests.chaos.audit.sound_run import sound
from tests.chaos.audit.table import MOST_SHOWN, tell
from tests.chaos.run import Outcome


def outcome(*broken: Violation) -> Outcome:
    return Outcome("sqlite", Path("run"), 12.0, sound(), [*violations(sound()), *broken])


def test_the_report_of_a_sound_run_lists_faults_and_wasted_generations() -> None:
    lines = tell(outcome()).splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith("kill -9 of the whole worker")] == [
        ["1", "0"]
    ]
    assert (
        "generations: 4, in vain 2: 1 in flight when their process or claim ended, 1 ended and not yet written"
        in lines
    )
    assert [line for line in lines if line.startswith("held")] == [
        f"held    {promise}" for promise in PROMISES
    ]


def test_the_report_names_the_first_places_of_a_broken_promise() -> None:
    promise = next(iter(PROMISES))
    places = [Violation(promise, f"here {place}") for place in range(MOST_SHOWN + 2)]
    lines = tell(outcome(*places)).splitlines()
    at = lines.index(f"BROKEN  {promise}")
    assert [line.strip() for line in lines[at + 1 : at + 2 + MOST_SHOWN]] == [
        *(f"here {place}" for place in range(MOST_SHOWN)),
        "and 2 more",
    ]


def test_the_report_counts_missed_faults_apart() -> None:
    run = outcome()
    missed = [replace(one, why="the worker had no working process") for one in run.evidence.met]
    told = tell(replace(run, evidence=replace(run.evidence, met=missed))).splitlines()
    assert [line.split()[-2:] for line in told if line.startswith("kill -9 of the whole worker")] == [
        ["0", "1"]
    ]
