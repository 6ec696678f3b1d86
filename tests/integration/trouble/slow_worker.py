"""A worker that is slow enough to be disturbed; its noting engine logs what was computed, and how often."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from qwenq.embedded.service import Service
from tests.chaos.engines.log import LOG_FILE, Deed, read_notes
from tests.processes import Fleet
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
MILLISECONDS = 150


def texts(count: int) -> list[str]:
    """Make documents that take long."""
    return [f"document {place} takes {MILLISECONDS} ms" for place in range(count)]


def slow_engine(folder: Path) -> dict[str, str]:
    """Make the environment in which the model `echo` is slow; its log lies in the folder."""
    (folder / "sitecustomize.py").write_text("from tests.chaos.engines.install import install\n\ninstall()\n")
    return {"PYTHONPATH": f"{folder}:{ROOT}", LOG_FILE: str(folder / "engine.log")}


class SlowWorker:
    """A worker of the model `echo` in a fleet."""

    def __init__(self, fleet: Fleet, folder: Path, **settings: object) -> None:
        environment = slow_engine(folder)
        self._notes = Path(environment[LOG_FILE])
        twins = {f"QWENQ_{name.upper()}": str(value) for name, value in settings.items()}
        self.service: Service = fleet.start("worker", "--model", "echo", env={**environment, **twins})

    @property
    def log(self) -> str:
        """Its log."""
        return self.service.log.read_text()

    def processes(self) -> Sequence[int]:
        """The process ids of its working processes, earlier ones too."""
        return [note.pid for note in read_notes(self._notes) if note.deed == Deed.LOADED]

    def wait_until_computing(self) -> None:
        """Wait until it has computed a document, whether or not its answer is stored yet."""
        eventually(self.computed, "the worker has computed a document")

    def computed(self) -> Counter[int]:
        """How many times each document was computed to its end."""
        return Counter(note.seq for note in read_notes(self._notes) if note.deed == Deed.ENDED)
