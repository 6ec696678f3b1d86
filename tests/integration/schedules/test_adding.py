"""Adding a schedule: what can be known to be wrong is refused, what may be by then is told."""

from collections.abc import Callable

import pytest

from qwenq.job_request import JobRequest
from qwenq.schedules import managing
from schemas.errors import InvalidParameter, OutputNotWritable, ScheduleExists
from schemas.schedules import RunPolicy
from tests.integration.schedules.conftest import Nights


@pytest.mark.parametrize("name", ["*.jsonl", "a.jsonl", "."])
def test_an_input_that_is_none_yet_is_told_when_a_schedule_is_added(nights: Nights, name: str) -> None:
    request = JobRequest(files=[str(nights.inbox / name)])
    policy = RunPolicy(output=str(nights.folder / "{date}.jsonl"))
    added = managing.add("nightly", ("0 2 * * *", "UTC"), request, policy, nights.settings)
    assert any("would fail" in warning and str(nights.inbox) in warning for warning in added.warnings)


@pytest.mark.parametrize("folder", ["inbox", "."])
def test_answers_that_a_later_run_would_read_are_told_of_when_a_schedule_is_added(
    nights: Nights, folder: str
) -> None:
    nights.put("a.jsonl", ["one"])
    request = JobRequest(files=[str(nights.inbox / "*.jsonl")])
    policy = RunPolicy(output=str(nights.folder / folder / "{date}.jsonl"))
    added = managing.add("nightly", ("0 2 * * *", "UTC"), request, policy, nights.settings)
    assert sum("input of the next run" in warning for warning in added.warnings) == (folder == "inbox") * 2


def _name_is_taken(nights: Nights) -> None:
    nights.add()
    nights.add()


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (_name_is_taken, ScheduleExists, "nightly"),
        (lambda nights: nights.add(name="a/b"), InvalidParameter, "slash"),
        (lambda nights: nights.add(output="{when}.jsonl"), InvalidParameter, "{schedule}"),
        (lambda nights: nights.add(output="{.jsonl"), InvalidParameter, "--output"),
        (lambda nights: nights.add(output="{date:{foo}}.jsonl"), InvalidParameter, "--output"),
        (lambda nights: nights.add(errors="{date:d}.jsonl"), InvalidParameter, "--errors"),
        (lambda nights: nights.add(name=".."), InvalidParameter, "name"),
        (
            lambda nights: nights.add(output=str(nights.inbox / "*.jsonl")),
            OutputNotWritable,
            "it is an input",
        ),
        (lambda nights: nights.add(output=str(nights.folder / "out.exe")), OutputNotWritable, "out.exe"),
        (lambda nights: nights.add(output="/proc/nowhere/{date}.jsonl"), OutputNotWritable, "/proc/nowhere"),
        (lambda nights: nights.add(webhook="ftp://here"), InvalidParameter, "--webhook"),
        (lambda nights: nights.add(webhook="http://here:port/"), InvalidParameter, "--webhook"),
    ],
)
def test_what_can_be_known_to_be_wrong_is_refused_when_a_schedule_is_added(
    nights: Nights, make: Callable[[Nights], None], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        make(nights)
