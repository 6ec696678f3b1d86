"""The confined process that tries grammars: it compiles each one for the model's tokens, and makes a mask."""

from collections.abc import Iterable

import orjson
from llguidance import LLTokenizer

from qwenq.schemas.confined.small_stack import on_small_stack
from qwenq.worker.engines.memory import resident_bytes
from qwenq.worker.engines.transformers.choosing.matchers import matcher_of

TOKENS, GRAMMAR = b"t", b"g"

_tokenizers: list[LLTokenizer] = []


def serve(request: bytes) -> Iterable[bytes]:
    """Keep the tokens, or compile a grammar and give the bytes that it took. Raises ValueError for its fault."""
    kind, content = request[:1], request[1:]
    if kind == TOKENS:
        given = orjson.loads(content)
        _tokenizers.append(LLTokenizer(given["tokenizer"], n_vocab=given["width"], eos_token=given["ends"]))
        return
    yield str(on_small_stack(lambda: _bytes_of(content.decode()))).encode()


def _bytes_of(grammar: str) -> int:
    before = resident_bytes()
    matcher = matcher_of(_tokenizers[-1], grammar)
    if not matcher.is_error():
        matcher.compute_bitmask()  # The first mask may go as deep as compiling.
    if matcher.is_error():
        raise ValueError(matcher.get_error().partition("\n")[0])
    return max(0, resident_bytes() - before)
