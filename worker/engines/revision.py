"""Which weights a model's name stands for now: answers of others are not reused, and a job is answered by one.

The revision of a hub model is the commit in the cache. That of a folder is a digest: files up to 64 MiB as a whole,
larger ones by name, size and 256 samples of 64 KiB. It misses a change in a large file that keeps the size and lies
between the samples, such as one small tensor set by hand.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwenq.schemas.log.events import Event
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.worker.engines.hub_name import HubName

WHOLE_BYTES = 64 * 1024 * 1024
SAMPLES = 256
SAMPLE_BYTES = 64 * 1024
KINDS = (".json", ".jinja", ".txt", ".model", ".safetensors", ".bin")

_SETTING = ("config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja")
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("tokenizer.model",))
_WEIGHTS = ("model*.safetensors", "*.safetensors", "*.bin")

_log = logging.getLogger("qwenq.worker")


def weights_of(model: str) -> LoadedWeights:
    """Find the weights of a hub id or a folder. Of an unknown revision, answers are not reused."""
    try:
        if (folder := Path(model)).is_dir():
            files = {path.name: _digest(path) for path in _files(folder)}
            return LoadedWeights(_joined(files), _joined(_decisive(files)))
        snapshot = _cached_snapshot(model)
        if snapshot is None:
            return UNKNOWN_WEIGHTS
        return LoadedWeights(
            snapshot.name, _joined(_decisive({path.name: _blob(path) for path in _files(snapshot)}))
        )
    except (OSError, ValueError) as error:
        _log.warning(Event.REVISION_UNKNOWN, extra={"model": model, "reason": str(error)})
        return UNKNOWN_WEIGHTS


def _cached_snapshot(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    name = HubName.of(model)
    found = try_to_load_from_cache(name.repository, "config.json", revision=name.revision)
    return Path(found).parent if isinstance(found, str) else None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in KINDS and path.is_file())


def _decisive(files: Mapping[str, str]) -> Mapping[str, str]:
    """The files that loading reads. Machines may hold others of the same commit, by how they downloaded it."""
    tokenizer = next((names for names in _TOKENIZERS if names[0] in files), ())
    weights = next(
        (found for kind in _WEIGHTS if (found := [name for name in files if Path(name).match(kind)])), []
    )
    return {name: files[name] for name in sorted({*_SETTING, *tokenizer, *weights} & files.keys())}


def _joined(files: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{content}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _blob(path: Path) -> str:
    """The digest of a file in the hub's cache: the name of what it links to."""
    return path.readlink().name if path.is_symlink() else _digest(path)


def _digest(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(f"{size}\0".encode())
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
