"""A worker tries its model before its first claim."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qwenq.schemas.errors import DocumentFailed, GenerationFailed, PromptFailed, SelfCheckFailed
from qwenq.schemas.requests import Completion, EngineHooks, ModelInfo, Request
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.echo.engine import ECHO_MODEL, EchoEngine
from qwenq.worker.engines.factory import make_engine
from qwenq.worker.engines.failures import failed_completion
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.turn.self_check import check_engine
from tests.processes import TINY_MODEL

HOOKS = EngineHooks(on_step=lambda: None, on_batch=lambda _metrics: None)


@pytest.mark.parametrize("model", [ECHO_MODEL, str(TINY_MODEL)], ids=lambda model: Path(model).name)
def test_an_engine_that_answers_passes_with_its_speed(model: str) -> None:
    engine = make_engine(model, Settings(device="cpu"), HOOKS)
    speed = check_engine(engine, engine.load(), stall_seconds=60)
    assert speed is not None
    assert speed > 0


def test_weights_of_nan_fail_the_check(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    damaged = tmp_path / "damaged"
    shutil.copytree(TINY_MODEL, damaged)
    weights = load_file(damaged / "model.safetensors")
    norm = next(name for name in weights if name.endswith("model.norm.weight"))
    weights[norm] = weights[norm] * float("nan")
    save_file(weights, damaged / "model.safetensors", {"format": "pt"})
    engine = make_engine(str(damaged), Settings(device="cpu"), HOOKS)
    with pytest.raises(SelfCheckFailed, match="not a number; its weights may be damaged") as failed:
        check_engine(engine, engine.load(), stall_seconds=60)
    assert "float32" not in str(failed.value)


class _Sick(EchoEngine):
    """Fails each document, or as a whole."""

    def __init__(self, fault: Exception) -> None:
        super().__init__(EngineOptions(), HOOKS)
        self._fault = fault

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Fail."""
        if not isinstance(self._fault, DocumentFailed):
            raise self._fault
        for completion in super().generate(requests):
            yield replace(failed_completion(completion.key, self._fault), group=completion.group)


@pytest.mark.parametrize(
    ("fault", "dtype", "advice"),
    [
        (GenerationFailed("bad"), "bfloat16", "Try --dtype float32 or another --device"),
        (RuntimeError("bad"), "float16, int8", "Try --dtype float32 or another --device"),
        (GenerationFailed("bad"), "float32", "Try another --device"),
        (PromptFailed("bad"), "bfloat16", r"Correct its chat template \(chat_template.jinja\), or take"),
    ],
    ids=["a document's", "the engine's", "in float32", "the template's"],
)
def test_an_engine_that_cannot_answer_fails_with_reason_and_remedy(
    fault: Exception, dtype: str, advice: str
) -> None:
    info = ModelInfo(ECHO_MODEL, "cpu", dtype, 512, 0, 0.0)
    with pytest.raises(SelfCheckFailed, match=rf"generation failed: .*bad\. {advice}"):
        check_engine(_Sick(fault), info, stall_seconds=60)
