"""Which weights a model's name stands for now: answers of others are not reused, and a job is answered by one.

The revision of a hub model is the commit in the cache; that of a folder is a digest of its files, with every byte. The
pieces of a file are digested in several threads, since a large model is read as fast as its disk or all cores allow.
"""

import hashlib
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from qwenq.schemas.log.events import Event
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.worker.engines.cores import usable_cores
from qwenq.worker.engines.hub_name import HubName

PIECE_BYTES = 64 * 1024 * 1024
_READ_BYTES = 1024 * 1024
KINDS = (".json", ".jinja", ".txt", ".model", ".safetensors", ".bin")

_SETTING = (
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
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
    """The digest of a file's bytes."""
    starts = range(0, path.stat().st_size, PIECE_BYTES)
    with ThreadPoolExecutor(usable_cores()) as threads:
        pieces = threads.map(partial(_digest_of_piece, path), starts)
        return hashlib.sha256(b"".join(pieces)).hexdigest()


def _digest_of_piece(path: Path, start: int) -> bytes:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_READ_BYTES))
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        left = PIECE_BYTES
        while left > 0 and (read := file.readinto(buffer[:left])):
            digest.update(buffer[:read])
            left -= read
    return digest.digest()
