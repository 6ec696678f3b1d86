"""The kept cases of each target: where fuzzing begins, and each fault that it ever found."""

from collections.abc import Callable
from pathlib import Path

from tests.fuzzing import damaged, reading, rendering

Check = Callable[[bytes], None]
TARGETS: dict[str, Check] = {"reading": reading.check, "rendering": rendering.check, "damaged": damaged.check}
CORPUS = Path(__file__).parent / "corpus"
RUNAWAY = "runaway"
"""Templates that would never end, or take all memory: too slow to be fuzzed from, each a case of rendering."""
MOST_BYTES = 1_000


def kept(folder: str) -> dict[str, bytes]:
    """A folder's cases by name: of a target, or the runaway ones."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / folder).iterdir())}
