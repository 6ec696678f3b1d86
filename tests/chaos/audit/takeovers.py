"""How long the chunks of a killed worker waited until they ran elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.audit.claims_held import Held
from tests.chaos.audit.evidence import Evidence
from tests.chaos.faults.carrying_out import Met
from tests.chaos.plan import WORKERS, Trouble

KILLS = frozenset({Trouble.KILL_WORKER, Trouble.WORKER_VANISHED})


@dataclass(frozen=True, slots=True)
class Takeover:
    """A chunk whose worker was killed, and which was claimed again `seconds` later.

    `calm` if no other fault lasted meanwhile.
    """

    chunk: int
    seconds: float
    calm: bool


def takeovers(evidence: Evidence, claims: Mapping[tuple[int, int], Held]) -> list[Takeover]:
    """All takeovers after kills of workers with the noting engine."""
    return [
        Takeover(held.chunk, again - met.began_at, calm=_is_calm(evidence.met, met, again))
        for met in evidence.met
        if met.fault.trouble in KILLS and not met.missed and met.fault.worker < WORKERS
        for held in _held_by(evidence, claims, met)
        if (again := _claimed_again_at(claims, held)) is not None
    ]


def _held_by(evidence: Evidence, claims: Mapping[tuple[int, int], Held], met: Met) -> Iterator[Held]:
    for held in claims.values():
        pid = evidence.pids_of_workers.get(held.worker or 0)
        if pid in met.pids and held.was_held_at(met.began_at):
            yield held


def _claimed_again_at(claims: Mapping[tuple[int, int], Held], held: Held) -> float | None:
    again = claims.get((held.chunk, held.attempt + 1))
    return again.claimed_at if again else None


def _is_calm(all_met: Sequence[Met], kill: Met, until: float) -> bool:
    return not any(
        met is not kill and met.began_at < until and met.ended_at > kill.began_at for met in all_met
    )
