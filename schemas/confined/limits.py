"""What one call of a confined process may use."""

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take.

    `seconds` by the wall clock; each piece gives `seconds_a_piece` back, up to `seconds`. `memory_bytes` of address
    space, for the whole process; `answer_bytes` in all pieces, and `piece_bytes` in each. Where the operating system
    cannot limit address space (macOS), the others hold.
    """

    seconds: float = 60.0
    memory_bytes: int = GIB
    answer_bytes: int = GIB
    seconds_a_piece: float = 0.0
    piece_bytes: int = GIB
