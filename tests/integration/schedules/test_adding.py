"""Adding a schedule: anything that cannot work is refused."""

from collections.abc import Callable

import pytest

from qwenq.schemas.errors import InvalidParameter, OutputNotWritable, ScheduleExists
from tests.integration.schedules.conftest import Nights


def _name_is_taken(nights: Nights) -> None:
    nights.add()
    nights.add()


@pytest.mark.parametrize(
    ("add", "error", "message"),
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
            "covers this place",
        ),
        (lambda nights: nights.add(output=str(nights.folder / "out.exe")), OutputNotWritable, "out.exe"),
        (lambda nights: nights.add(output="/proc/nowhere/{date}.jsonl"), OutputNotWritable, "/proc/nowhere"),
        (lambda nights: nights.add(notify=["ftp://here"]), InvalidParameter, "--notify"),
        (lambda nights: nights.add(notify=["http://here:port/"]), InvalidParameter, "--notify"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused(
    nights: Nights, add: Callable[[Nights], None], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        add(nights)
