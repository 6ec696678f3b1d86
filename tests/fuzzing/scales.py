"""How large drawn templates and documents are: most are small and quick, a fixed share is as large as allowed."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.fuzzing.vocabulary import ATOMS, SMALL_ATOMS, Atoms


@dataclass(frozen=True, slots=True)
class Scale:
    """Bounds of what is drawn.

    `large` says how often an argument is large, and a document of the largest size: a text of ten to the power of
    `largest` characters. `members` are the most members of a list, `times` those of a loop in which something grows.
    """

    large: float
    largest: float
    members: Sequence[int]
    times: Sequence[int]
    atoms: Atoms


HEAVY = Scale(0.3, 6.6, (1, 3, 300, 30_000), (2, 9, 9, 100, 100, 1_000, 100_000), ATOMS)
LIGHT = Scale(0.0, 2.3, (1, 3, 20), (2, 9), SMALL_ATOMS)
