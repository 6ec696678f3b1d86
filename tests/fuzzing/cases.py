"""The targets of fuzzing, and the corpus: cases to begin with, and every fault found so far."""

from collections.abc import Callable
from pathlib import Path

from tests.fuzzing import damaged, reading, rendering

Check = Callable[[bytes], None]
TARGETS: dict[str, Check] = {"reading": reading.check, "rendering": rendering.check, "damaged": damaged.check}
CORPUS = Path(__file__).parent / "corpus"
RUNAWAY = "runaway"
"""Cases of rendering that would never end, or take all memory; too slow to begin fuzzing with."""
MOST_BYTES = 1_000


def kept(folder: str) -> dict[str, bytes]:
    """The cases in a folder of the corpus, by name: those of a target, or the runaway ones."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / folder).iterdir())}
