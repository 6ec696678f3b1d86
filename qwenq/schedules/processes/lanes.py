"""Lanes for steps: quick steps have places of their own, so that no number of slow or hanging ones holds them up."""

import threading
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lane:
    """A number of places. A step that has taken `seconds` since its beginning leaves for the next lane."""

    places: int
    seconds: float


LANES = (Lane(3, 1.0), Lane(12, 30.0), Lane(8, 600.0), Lane(8, float("inf")))
"""From quick to slow: at most 31 processes, whatever hangs. The last lane has no limit but QWENQ_SCHEDULE_SECONDS.

In the quick lane the seconds are of processor time, since on a busy machine every step takes long; steps that wait
leave earlier. Few places: steps that wait for each other's transactions are slower than one after the other.
"""


class Lanes:
    """Who is in which lane. A schedule whose last step was slow begins in the lane which that ended in."""

    def __init__(self) -> None:
        self._free = [lane.places for lane in LANES]
        self._begins: dict[int, int] = {}
        self._changed = threading.Condition()

    def enter(self, lane: int, *, waits: bool) -> bool:
        """Take a place in a lane. Returns False if there is none, or waits for it."""
        with self._changed:
            while not self._free[lane]:
                if not waits:
                    return False
                self._changed.wait()
            self._free[lane] -= 1
            return True

    def leave(self, lane: int) -> None:
        """Give a place back."""
        with self._changed:
            self._free[lane] += 1
            self._changed.notify_all()

    def move_on(self, lane: int, schedule_id: int) -> bool:
        """Move a step of a schedule to the next lane. Returns False if that is full."""
        with self._changed:
            self._begins[schedule_id] = lane + 1
            if not self._free[lane + 1]:
                return False
            self._free[lane + 1] -= 1
            self._free[lane] += 1
            self._changed.notify_all()
            return True

    def note_end(self, schedule_id: int, lane: int, seconds: float | None) -> None:
        """Note how long a step took that ended in this lane: the schedule's next one begins in the lane for this time.

        None: it was given up. The next one need not hang, too, so it begins in the first lane of slow steps.
        """
        if seconds is None:
            lane = 1
        elif lane:
            lane = next(lane for lane in range(len(LANES)) if seconds <= LANES[lane].seconds)
        with self._changed:
            if lane:
                self._begins[schedule_id] = lane
            else:
                self._begins.pop(schedule_id, None)

    def slow_schedules(self, lane: int | None = None) -> Collection[int]:
        """The schedules that begin in this lane, or in any lane of slow steps."""
        with self._changed:
            return {one for one, begins in self._begins.items() if lane in (None, begins)}
