"""Work on the store, done in this process, where a test sees what it logs and can disturb it."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from qwenq.store.database.store import Store
from qwenq.worker.store_process.claiming import Terms
from qwenq.worker.store_process.client import Lane
from qwenq.worker.turn.claimant import Claimant

P = ParamSpec("P")
T = TypeVar("T")


class InThisProcess:
    """Does work on a store at once, in the asking thread."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def run(
        self, lane: Lane, work: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do the work."""
        del lane
        return work(self.store, *args, **kwargs)


def claimant_of(store: Store, model: str, worker_id: int, lease_seconds: float = 60.0) -> Claimant:
    """Make a worker that claims from this process."""
    return Claimant(InThisProcess(store), Terms(model, worker_id, lease_seconds))
