"""What each unfinished claim cost, and how much it may have cost.

A claim's outcomes are written about once a second. So what is generated again of it was in flight at its end, or had
ended since the writing before it: in its last second, and as long as the write itself took. Where the store could not
be written to, that is longer; but whatever had ended before the last write but one was in the last one.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qwenq.worker.keeping.rhythm import Rhythm
from tests.chaos.audit.claims_held import Held
from tests.chaos.audit.waste import Waste
from tests.chaos.engines.log import Deed, Generation
from tests.chaos.faults.carrying_out import Met
from tests.chaos.plan import Trouble

NOTING_SECONDS = 0.5
"""From an engine's note of a document's end until its keeper learns of it, on a busy machine."""
WRITING_SECONDS = Rhythm().tick_seconds + NOTING_SECONDS
"""The longest time from a document's end until its outcome is written, with the store at hand."""
BACKOFF_SECONDS = 10.0
"""The longest pause of a keeper after its store is back."""
_DISTURBING = frozenset(
    {
        Trouble.STOP_CHILD,
        Trouble.STOP_PARENT,
        Trouble.KILL_STORE_PROCESS,
        Trouble.STOP_STORE_PROCESS,
        Trouble.STORE_FAST_RESTART,
        Trouble.STORE_CRASH,
        Trouble.STORE_CUT,
        Trouble.STORE_HELD,
        Trouble.STORE_SLOW,
        Trouble.STORE_LOCKED,
        Trouble.WORKER_VANISHED,
    }
)
"""Faults that keep a process from writing: a stopped or vanished one may hold a lock."""


@dataclass(frozen=True)
class End:
    """The end of a claim; the documents of `lost` had to be generated again.

    `last_sign` is when its process last noted anything before that end. `calm`: nothing kept it from writing.
    """

    held: Held
    lost: Sequence[Generation]
    last_sign: float
    calm: bool

    @property
    def in_flight(self) -> int:
        """How many documents were begun and not ended."""
        return sum(one.ended_at is None for one in self.lost)

    @property
    def unwritten(self) -> int:
        """Documents that had ended, or ended before their process knew that it had lost the claim."""
        return len(self.lost) - self.in_flight

    @property
    def forgotten(self) -> Sequence[Generation]:
        """Documents that ended before the last write but one, and should have been in the last."""
        writes = self.held.writes
        return [one for one in self._ended if len(writes) - bisect_right(writes, _heard_at(one)) > 1]

    @property
    def seconds(self) -> float:
        """Seconds from the end of the first unwritten document to the last note of its process."""
        return max((self.last_sign - _ended_at(one) for one in self._ended), default=0.0)

    @property
    def unaware_seconds(self) -> float:
        """Seconds from the claim's end to the end of its last document, in a process that did not know yet."""
        ended = self.held.ended_at or float("inf")
        return max((_ended_at(one) - ended for one in self._ended if _ended_at(one) > ended), default=0.0)

    @property
    def _ended(self) -> Sequence[Generation]:
        return [one for one in self.lost if one.ended_at is not None]


class Ends:
    """The unfinished claims of a run that cost something."""

    def __init__(self, waste: Waste) -> None:
        self._waste = waste

    @cached_property
    def all(self) -> Sequence[End]:
        """Each of them."""
        lost = defaultdict(list)
        for one in self._waste.lost:
            if (one.chunk, one.attempt) in self._waste.claims:
                lost[one.chunk, one.attempt].append(one)
        return [self._end(self._waste.claims[name], its) for name, its in lost.items()]

    @property
    def calm(self) -> Sequence[End]:
        """Ends at which no fault kept a process from writing."""
        return [end for end in self.all if end.calm]

    def too_dear(self, rows: int) -> Iterator[str]:
        """Claims that cost more than what was in flight or had ended since the last possible write."""
        for end in self.all:
            where = f"chunk {end.held.chunk} attempt {end.held.attempt}"
            if end.in_flight > rows:
                yield f"{where}: {end.in_flight} documents were in flight at its end; a process takes {rows}"
            if end.forgotten:
                yield f"{where}: went on without writing {len(end.forgotten)} documents that had ended"
            if end.calm and end.seconds > WRITING_SECONDS:
                yield f"{where}: lost what had ended {end.seconds:.1f} s before its process did"
            if end.calm and end.unaware_seconds > WRITING_SECONDS:
                yield f"{where}: was generated for {end.unaware_seconds:.1f} s after its end"

    def _end(self, held: Held, lost: Sequence[Generation]) -> End:
        pid = lost[0].pid
        signs = self._signs[pid]
        ended_at = held.ended_at or float("inf")
        last_sign = signs[bisect_right(signs, ended_at) - 1]
        until = max([last_sign, *(one.ended_at for one in lost if one.ended_at is not None)])
        calm = not self._was_disturbed(pid, last_sign - WRITING_SECONDS, until)
        return End(held, lost, last_sign, calm)

    def _was_disturbed(self, pid: int, since: float, until: float) -> bool:
        if any(_overlaps(met, since, until) for met in self._waste.evidence.met):
            return True
        return any(since - BACKOFF_SECONDS <= at <= until for at in self._away[pid])

    @cached_property
    def _signs(self) -> Mapping[int, list[float]]:
        """The times of each process's notes."""
        found = defaultdict(list)
        for note in self._waste.evidence.notes:
            found[note.pid].append(note.at)
        return found

    @cached_property
    def _away(self) -> Mapping[int, list[float]]:
        """The times at which each process noted that its store was away."""
        found = defaultdict(list)
        for note in self._waste.evidence.notes:
            if note.deed == Deed.AWAY:
                found[note.pid].append(note.at)
        return found


def _overlaps(met: Met, since: float, until: float) -> bool:
    disturbs = met.fault.trouble in _DISTURBING and not met.missed
    return disturbs and met.began_at <= until and met.ended_at >= since


def _ended_at(one: Generation) -> float:
    return one.ended_at or 0.0


def _heard_at(one: Generation) -> float:
    return _ended_at(one) + NOTING_SECONDS
