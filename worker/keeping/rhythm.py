"""How often a turn writes, looks again and claims, and how much may pile up meanwhile."""

from dataclasses import dataclass


@dataclass(slots=True)
class Rhythm:
    """The rhythm of one turn, in seconds and in numbers of documents."""

    tick_seconds: float = 1.0
    """Between two writes of a claim; each renews its lease."""
    look_again_seconds: float = 1.0
    """Between two looks for a chunk to claim, while none waits and something is being answered."""
    quick_seconds: float = 0.1
    """When the engine reads a whole chunk in less, the next ones are claimed ahead; it would wait for each claim else.
    Where chunks last longer, nothing is claimed ahead: another worker could answer it meanwhile."""
    turn_seconds: float = 600.0
    """A turn claims for this long. Its task should end and be acknowledged long before its message is sent again."""
    flush_outcomes: int = 500
    """A claim with this many unwritten outcomes is written at once."""
    most_unwritten: int = 5_000
    """With more unwritten outcomes than this, generation waits for the store."""
    looked_up_at_once: int = 250
    """Documents whose earlier answers one query looks up: few enough that the first ones begin soon."""
