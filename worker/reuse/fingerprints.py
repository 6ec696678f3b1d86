"""What decides an answer, in 32 bytes: two requests with the same fingerprint have the same answer."""

import hashlib
from functools import lru_cache

import orjson

from qwenq.schemas.generation import NEUTRAL, GenerationParams, Overflow
from qwenq.schemas.requests import ModelInfo, Request
from qwenq.worker.engines.hub_name import HubName

_FORM = 1  # raised when engines begin to answer the same request differently
FRAME_TOKENS = 512
"""More than any chat template puts around a short conversation."""
_UNUSED = {"on_overflow", "sampling"}
_OF_SAMPLING = {"seed", "top_p", "top_k", "min_p"}


class Fingerprints:
    """SHA-256 over a request's model, weights, number format, rendered messages and parameters."""

    def __init__(self, model: ModelInfo) -> None:
        # With or without @revision, and in commits that change a README alone, the same files give the same answers.
        weights = model.weights.digest or model.weights.revision
        known = (_FORM, HubName.of(model.model).repository, weights, model.dtype)
        self._base = None if weights is None else hashlib.sha256(orjson.dumps(known))
        self._context = model.context

    def of(self, request: Request, merge_basis: str | None = None) -> bytes | None:
        """A request's fingerprint. None: its answer may differ the next time.

        `merge_basis` is what decides how the answers to its parts would be merged, should it be split.
        """
        params = _deciding(request.params)
        if self._base is None or params is None:
            return None
        digest = self._base.copy()
        digest.update(params)
        try:
            digest.update(_prompt(request, merge_basis, self._context))
        except TypeError:  # half of a surrogate pair: such a document fails
            return None
        return digest.digest()


@lru_cache(maxsize=64)
def _deciding(params: GenerationParams) -> bytes | None:
    """The parameters in canonical form, for greedy decoding without those of sampling. None: sampled without a seed.

    `on_overflow` is left out: it decides nothing for documents that fit. So is `sampling`: what it says is filled in.
    """
    params = params.filled(NEUTRAL)
    if params.temperature and params.seed is None:
        return None
    # Answers that are there are the same, required or not; the others must not be found again.
    unused = _UNUSED | (set() if params.require_answer else {"require_answer"})
    unused |= _OF_SAMPLING if params.temperature == 0 else set()
    return orjson.dumps(params.model_dump(mode="json", exclude=unused), option=orjson.OPT_SORT_KEYS)


def _prompt(request: Request, merge_basis: str | None, context: int) -> bytes:
    """The rendered messages and, if they may not fit into the context, what decides how they are shortened or cut."""
    prompt = request.prompt
    said = orjson.dumps((prompt.document_chars, [prompt.messages]))
    room = context - request.params.max_new_tokens
    # No token is shorter than a byte.
    if request.params.on_overflow is Overflow.FAIL or len(said) + FRAME_TOKENS <= room:
        return said
    return said + orjson.dumps((request.params.on_overflow, prompt.shortened(0), context, merge_basis))
