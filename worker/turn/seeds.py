"""The seed of a document: from its job's seed and its own id, so that no two documents draw the same numbers."""

import hashlib

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.parts import Part


def seed_of_document(params: GenerationParams, job_id: int, custom_id: str) -> int:
    """The seed of a document whose row gives none: the same in each attempt, batch, worker, and job with this seed.

    The first 63 bits of SHA-256 over the job's seed, NUL, and the document's id. A job without a seed has its own.
    """
    seed = f"job {job_id}" if params.seed is None else params.seed
    return _mixed(f"{seed}\0{custom_id}")


def params_of_part(params: GenerationParams, part: Part) -> GenerationParams:
    """The parameters of a document for one of its parts, with a seed of the part's own."""
    if not params.temperature or params.seed is None:
        return params
    return params.model_copy(update={"seed": _mixed(f"{params.seed}\0{part.level}\0{part.place}")})


def _mixed(said: str) -> int:
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) >> 1
