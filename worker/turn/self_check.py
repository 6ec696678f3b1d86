"""A worker's check of itself: a short generation after its model is loaded, before its first claim."""

import faulthandler
import time
from collections.abc import Iterator
from contextlib import contextmanager

from qwenq.schemas.errors import PromptFailed, SelfCheckFailed
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Completion, ModelInfo, Request
from qwenq.worker.engines.protocol import Engine

_MESSAGES = (Message("user", "Say hello."),)
CHECK = (
    Request(
        key=0,
        prompt=Prompt(_MESSAGES, document_chars=0, shortened=lambda _chars: _MESSAGES),
        params=GenerationParams(max_new_tokens=4),
        closes_group=True,
    ),
)
MEND_TEMPLATE = "Correct its chat template (chat_template.jinja), or take the template of the original model"
PATIENCE_ON_CPU = 10
"""How much longer it may take on a CPU, where four tokens of a large model are slow; a GPU that slow hangs."""


def check_engine(engine: Engine, info: ModelInfo, stall_seconds: float) -> float | None:
    """Answer a short request. Returns new tokens a second, or None if none was generated. Raises SelfCheckFailed.

    Ends the process if the device hangs, since no keeper watches it yet.
    """
    started = time.perf_counter()
    with _not_longer_than(stall_seconds * (PATIENCE_ON_CPU if info.device == "cpu" else 1)):
        try:
            (completion,) = engine.generate(CHECK)
        except Exception as error:
            reason = _reason_of(error)
            raise SelfCheckFailed(model=info.model, reason=reason, advice=_advice(info)) from error
    if (failure := completion.failure) is not None:
        advice = MEND_TEMPLATE if failure.code == PromptFailed.code else _advice(info)
        raise SelfCheckFailed(model=info.model, reason=failure.message.rstrip("."), advice=advice)
    return _speed(completion, time.perf_counter() - started)


def _advice(info: ModelInfo) -> str:
    """What may help; float32 only where the model is not computed in it already."""
    other = "another --device" if info.dtype.startswith("float32") else "--dtype float32 or another --device"
    return f"Try {other}, and check whether the model answers elsewhere"


def _speed(completion: Completion, seconds: float) -> float | None:
    return completion.usage.completion_tokens / seconds if completion.usage.completion_tokens else None


def _reason_of(error: Exception) -> str:
    said = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@contextmanager
def _not_longer_than(seconds: float) -> Iterator[None]:
    faulthandler.dump_traceback_later(seconds, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
