"""Prune a home folder: the store's old jobs, and what interrupted one-shots left beside it."""

from collections.abc import Callable, Sequence

from qwenq.actions import pruning
from qwenq.embedded.interrupted import removable, remove
from qwenq.schemas.errors import NoStoreHere
from qwenq.schemas.settings import Settings
from qwenq.schemas.views.pruning import PrunedJob, PruneReport


def foresee(settings: Settings, older_than: float | None) -> PruneReport:
    """Report what `prune` would remove. Raises NoStoreHere if there is nothing at all, StoreAway."""
    kept = [one.id for one in removable(settings, older_than)]
    return _with(kept, lambda: pruning.foresee(settings, older_than), removed=False)


def prune(
    settings: Settings, older_than: float | None, on_removed: Callable[[PrunedJob], None]
) -> PruneReport:
    """Do what `qwenq.actions.pruning.prune` does, and remove what empty one-shots left.

    With `older_than` (seconds), also what those left that were interrupted this long ago. Raises NoStoreHere if there
    is nothing at all, StoreAway.
    """
    kept = [one.id for one in removable(settings, older_than) if remove(one)]
    return _with(kept, lambda: pruning.prune(settings, older_than, on_removed), removed=True)


def _with(one_shots: Sequence[str], of_store: Callable[[], PruneReport], *, removed: bool) -> PruneReport:
    try:
        report = of_store()
    except NoStoreHere:
        if not one_shots:
            raise
        report = PruneReport(removed=removed, jobs=(), workers=0, runs=0)
    return report.model_copy(update={"one_shots": tuple(one_shots)})
