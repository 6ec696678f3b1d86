"""The report of a run as text: the faults by kind, their cost, and each broken promise."""

from collections import Counter
from collections.abc import Iterable, Sequence

from qwenq.worker.engines.echo.engine import ECHO_MODEL
from tests.chaos.audit.auditor import PROMISES
from tests.chaos.audit.evidence import Evidence
from tests.chaos.audit.retries import Retries
from tests.chaos.audit.reused_answers import Reused
from tests.chaos.audit.takeovers import Takeover, takeovers
from tests.chaos.audit.unfinished_claims import WRITING_SECONDS, Ends
from tests.chaos.audit.waste import Waste
from tests.chaos.engines.log import ROWS
from tests.chaos.faults.carrying_out import Met
from tests.chaos.run import Outcome

MOST_SHOWN = 10


def tell(outcome: Outcome) -> str:
    """The whole report of one database, to be printed."""
    return "\n".join(
        [f"\n{outcome.database}, {outcome.seconds:.0f} s", *_faults(outcome.evidence.met), *_figures(outcome)]
    )


def _faults(met: Sequence[Met]) -> Iterable[str]:
    hit = Counter(one.fault.trouble for one in met if not one.missed)
    missed = Counter(one.fault.trouble for one in met if one.missed)
    yield f"{'fault':<45}{'met':>6}{'missed':>8}"
    for trouble in sorted(hit | missed):
        yield f"{trouble:<45}{hit[trouble]:>6}{missed[trouble]:>8}"
    yield f"{'all':<45}{hit.total():>6}{missed.total():>8}"


def _figures(outcome: Outcome) -> Iterable[str]:
    evidence, waste = outcome.evidence, Waste(outcome.evidence)
    states = Counter(document.state for document in evidence.documents)
    jobs = Counter(job.state for job in evidence.jobs)
    waits = takeovers(evidence, waste.claims)
    yield f"jobs: {_listed(jobs)}; submits that failed or were killed: {_failed_submits(outcome)}"
    yield f"documents: {_listed(states)} (pending are those of half jobs)"
    yield f"claims: {len(waste.claims):,}; writes of answers: {len(evidence.result_writes):,}"
    yield (
        f"generations: {len(evidence.generations):,}, in vain {len(waste.lost):,}: {len(waste.in_flight):,} in "
        f"flight when their process or claim ended, {len(waste.unwritten):,} ended and not yet written"
    )
    yield from _ends(Ends(waste))
    yield f"answers of the tiny model: {_real_answers(evidence):,}"
    yield f"reused answers: {len(Reused(evidence, waste.claims).documents):,}"
    yield f"documents that were retried: {len(Retries(evidence).of):,}"
    yield f"chunks of killed workers, from the kill until they ran elsewhere: {_spread(waits)}"
    yield f"the same, while no other fault lasted: {_spread([one for one in waits if one.calm])}"
    yield from _promises(outcome)


def _real_answers(evidence: Evidence) -> int:
    real = {job.id for job in evidence.jobs if job.model != ECHO_MODEL}
    return sum(write.job in real for write in evidence.result_writes)


def _ends(ends: Ends) -> Iterable[str]:
    """The cost of unfinished claims: the most expensive one, and how late the lost documents had ended."""
    for name, some in (("claims that ended undone", ends.all), ("with the store at hand", ends.calm)):
        dearest = max(some, key=lambda end: len(end.lost), default=None)
        most = f"{dearest.in_flight} + {dearest.unwritten}" if dearest else "nothing"
        last = max((end.seconds for end in some), default=0.0)
        unaware = max((end.unaware_seconds for end in some), default=0.0)
        yield (
            f"{name}: {len(some):,}; generated again of one, in flight + ended: at most {most}; what was lost had "
            f"ended at most {last:.1f} s before, {unaware:.1f} s after"
        )
    yield (
        f"at most allowed: {ROWS} in flight, and what ended within {WRITING_SECONDS:.1f} s where the store was at "
        "hand, else since the last write but one"
    )


def _promises(outcome: Outcome) -> Iterable[str]:
    broken = Counter(violation.promise for violation in outcome.violations)
    for promise in PROMISES:
        yield f"{'BROKEN' if broken[promise] else 'held':<8}{promise}"
        shown = [one.where for one in outcome.violations if one.promise == promise]
        yield from (f"          {where}" for where in shown[:MOST_SHOWN])
        if len(shown) > MOST_SHOWN:
            yield f"          and {len(shown) - MOST_SHOWN:,} more"


def _failed_submits(outcome: Outcome) -> int:
    return sum(receipt.exit_code != 0 for receipt in outcome.evidence.receipts)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"


def _spread(waits: Sequence[Takeover]) -> str:
    seconds = sorted(one.seconds for one in waits)
    if not seconds:
        return "none"
    return f"{len(seconds)}, median {seconds[len(seconds) // 2]:.1f} s, longest {seconds[-1]:.1f} s"
