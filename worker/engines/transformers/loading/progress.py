"""How far a model's download and loading are, from the progress bars that the hub client and Transformers draw."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import snapshot_download
from tqdm import tqdm
from transformers.utils import logging as transformers_logging

from qwenq.schemas.workers import LoadProgress, LoadStage
from qwenq.worker.engines.hub_name import HubName

TELL_SECONDS = 0.5
_WEIGHTS = "model*.safetensors"
_BYTES = "B"
_RECEIVED = "downloading bytes"
"""In the name of a second bar over the same bytes: those received, beside those written."""
_LOADING = "Loading weights"


class LoadMeter:
    """Tells how far a model is, at most every TELL_SECONDS and at the end of each stage. Any thread may count."""

    def __init__(self, tell: Callable[[LoadProgress], object]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._stage: LoadStage | None = None
        self._began = self._told_at = 0.0
        self._begun_with = 0

    def count(self, stage: LoadStage, done: int, total: int | None) -> None:
        """Note that so many bytes of a stage are done."""
        now = time.monotonic()
        with self._lock:
            if stage is not self._stage:
                self._stage, self._began, self._begun_with, self._told_at = stage, now, done, 0.0
            if now - self._told_at < TELL_SECONDS and done != total:
                return
            self._told_at = now
            left = self._seconds_left(now, done, total)
        self._tell(LoadProgress(stage, done, total, left))

    def _seconds_left(self, now: float, done: int, total: int | None) -> float | None:
        """The time for the rest, at the average speed so far; what was there before the stage began took none."""
        moved = done - self._begun_with
        if total is None or moved <= 0 or now - self._began < 1:
            return None
        return (now - self._began) / moved * max(0, total - done)

    def download_bars(self, expected: int | None) -> type[tqdm]:
        """The class of the bars that the hub client makes. They draw nothing, and count bytes for this meter."""
        bars: list[tqdm] = []
        count = self.count

        class Bar(tqdm):  # type: ignore[misc]
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **{**options, "disable": True})
                self.n = options.get("initial") or 0
                is_received = _RECEIVED in str(options.get("desc", "")).lower()
                self.counts = options.get("unit") == _BYTES and not is_received
                if self.counts:
                    bars.append(self)

            def update(self, n: float | None = 1) -> bool | None:
                self.n += n or 0  # a bar that is not drawn does not count itself
                if self.counts:
                    total = expected or int(sum(bar.total or 0 for bar in bars)) or None
                    count(LoadStage.DOWNLOADING, int(sum(bar.n for bar in bars)), total)
                return None

        return Bar

    @contextmanager
    def weights(self, total: int) -> Iterator[None]:
        """Count the weights that Transformers loads in this block; `total` are their bytes."""

        def made(factory: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
            if options.get("desc") != _LOADING or not args:
                return factory(*args, **options)
            return self._counted(args[0], total)

        before = transformers_logging.set_tqdm_hook(made)
        try:
            yield
        finally:
            transformers_logging.set_tqdm_hook(before)

    def _counted(self, tensors: Iterable[Any], total: int) -> Iterator[Any]:
        """The same tensors. Each counts as the same share of the bytes."""
        items = list(tensors)
        for place, item in enumerate(items):
            self.count(LoadStage.LOADING, total * place // len(items), total)
            yield item
        self.count(LoadStage.LOADING, total, total)


def bytes_to_download(name: HubName) -> int | None:
    """The bytes of a hub model's weights that are not in the cache; None if they cannot be known before."""
    try:
        files: Any = snapshot_download(
            name.repository, revision=name.revision, allow_patterns=_WEIGHTS, dry_run=True
        )
        return sum(file.file_size or 0 for file in files if file.will_download) or None
    except Exception:  # noqa: BLE001 - loading itself says what is wrong
        return None
