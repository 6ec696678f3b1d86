"""What one call of a confined process may use."""

from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take.

    `seconds` by the wall clock; `memory_bytes` of address space, for the whole process; `answer_bytes` in all pieces.
    Where the operating system cannot limit address space (macOS), the other two hold.
    """

    seconds: float = 60.0
    memory_bytes: int = GIB
    answer_bytes: int = GIB
