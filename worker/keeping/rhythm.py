"""How often a turn writes, looks again and claims, and how much may pile up meanwhile."""

from dataclasses import dataclass


@dataclass(slots=True)
class Rhythm:
    """The rhythm of one turn, in seconds and in numbers of documents."""

    tick_seconds: float = 1.0
    """Between two writes of a claim; each renews its lease."""
    look_again_seconds: float = 1.0
    """Between two looks for a chunk to claim, while none waits and something is being answered."""
    ahead_seconds: float = 2.0
    """With less than this before it, the engine would wait for each claim: chunks are claimed ahead."""
    enough_seconds: float = 5.0
    """With more than this before it, a turn claims nothing, and gives half of it to an idle worker."""
    enough_again_seconds: float = 0.1
    """Between two looks whether there is still enough; they need no query."""
    share_seconds: float = 0.5
    """Between two looks for idle workers."""
    grace_seconds: float = 1.0
    """For so long, a chunk is not cut while documents beyond the cut are being answered: most have ended by then."""
    turn_seconds: float = 600.0
    """A turn claims for this long. Its task should end and be acknowledged long before its message is sent again."""
    flush_outcomes: int = 500
    """A claim with this many unwritten outcomes is written at once."""
    most_unwritten: int = 5_000
    """With more unwritten outcomes than this, generation waits for the store."""
    looked_up_at_once: int = 250
    """Documents whose earlier answers one query looks up: few enough that the first ones begin soon."""
