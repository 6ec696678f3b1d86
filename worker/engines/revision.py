"""Which weights a model's name stands for now, so that answers of other weights are not reused.

For a hub model it is the commit in the cache. For a folder it is a digest: files up to 64 MiB as a whole, larger ones
by name, size and 256 samples of 64 KiB. It misses a change in a large file that keeps the size and lies between the
samples, such as one small tensor set by hand.
"""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

from qwenq.schemas.log.events import Event
from qwenq.worker.engines.hub_name import HubName

WHOLE_BYTES = 64 * 1024 * 1024
SAMPLES = 256
SAMPLE_BYTES = 64 * 1024
KINDS = (".json", ".jinja", ".txt", ".model", ".safetensors", ".bin")

_log = logging.getLogger("qwenq.worker")


def revision_of(model: str) -> str | None:
    """Return the revision of a hub id or a folder. None if unknown: answers of this model are then not reused."""
    try:
        folder = Path(model)
        return _digest(folder) if folder.is_dir() else _cached_commit(model)
    except (OSError, ValueError) as error:
        _log.warning(Event.REVISION_UNKNOWN, extra={"model": model, "reason": str(error)})
        return None


def _cached_commit(model: str) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    name = HubName.of(model)
    found = try_to_load_from_cache(name.repository, "config.json", revision=name.revision)
    return Path(found).parent.name if isinstance(found, str) else None


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in KINDS and path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode("utf-8", "surrogateescape"))
        for part in _parts(path, size):
            digest.update(part)
    return digest.hexdigest()


def _parts(path: Path, size: int) -> Iterator[bytes]:
    """Yield the bytes to digest. Of a large file, the first and the last are among them."""
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            yield file.read()
            return
        for sample in range(SAMPLES):
            file.seek(sample * (size - SAMPLE_BYTES) // (SAMPLES - 1))
            yield file.read(SAMPLE_BYTES)
