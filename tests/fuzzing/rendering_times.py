"""How many renderings were tried, and how long each took."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qwenq.schemas.prompts.compiled import Failed

SLOW_SECONDS = 0.25
_BOUNDS = (0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0)

Case = tuple[int, int]
"""The numbers of a template and of its document."""


@dataclass(slots=True)
class Tally:
    """What was tried, and how long it took: in this process by processor time, confined by the wall clock."""

    renderings: int = 0
    heavy: int = 0
    templates: int = 0
    texts: int = 0
    seconds: Counter[float] = field(default_factory=Counter)
    as_worker: Counter[float] = field(default_factory=Counter)
    slow: list[Case] = field(default_factory=list)
    longest_as_worker: tuple[float, Case] = (0.0, (0, 0))
    longest_work: tuple[float, Case] = (0.0, (0, 0))
    longest_compile: tuple[float, str] = (0.0, "")

    @property
    def longest(self) -> float:
        """The longest call of all, in seconds."""
        return max(self.longest_as_worker[0], self.longest_work[0], self.longest_compile[0])

    def note(self, seconds: float, case: Case, outcome: str | Failed, *, is_heavy: bool) -> None:
        """Note a rendering in this process."""
        self.renderings += 1
        self.heavy += is_heavy
        self.texts += not isinstance(outcome, Failed)
        self.seconds[_bound(seconds)] += 1
        self.longest_work = max(self.longest_work, (seconds, case))
        if seconds >= SLOW_SECONDS:
            self.slow.append(case)

    def note_as_worker(self, seconds: float, case: Case) -> None:
        """Note a rendering as a worker makes it."""
        self.as_worker[_bound(seconds)] += 1
        self.longest_as_worker = max(self.longest_as_worker, (seconds, case))

    def slow_cases(self) -> Sequence[Case]:
        """The renderings that took SLOW_SECONDS or more, in order."""
        return sorted(self.slow)

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        self.renderings += other.renderings
        self.heavy += other.heavy
        self.templates += other.templates
        self.texts += other.texts
        self.seconds.update(other.seconds)
        self.as_worker.update(other.as_worker)
        self.slow += other.slow
        self.longest_as_worker = max(self.longest_as_worker, other.longest_as_worker)
        self.longest_work = max(self.longest_work, other.longest_work)
        self.longest_compile = max(self.longest_compile, other.longest_compile)


def lines_of(tally: Tally) -> Iterator[str]:
    """The report."""
    yield (
        f"{tally.renderings:,} renderings of {tally.templates:,} templates, {tally.heavy:,} of them heavy; "
        f"{tally.texts:,} gave a text"
    )
    for what, counts, longest in (
        ("processor time", tally.seconds, tally.longest_work),
        ("as a worker, by the wall clock", tally.as_worker, tally.longest_as_worker),
    ):
        seconds, (number, place) = longest
        yield f"{what}: {counts.total():,} calls, the longest {seconds:.3f} s (template {number} document {place})"
        for bound in sorted(counts):
            yield f"  below {bound:>6} s   {counts[bound]:>9,}"
    yield "longest to compile          {:.3f} s   {}".format(*tally.longest_compile)


def _bound(seconds: float) -> float:
    return next((bound for bound in _BOUNDS if seconds < bound), float("inf"))
