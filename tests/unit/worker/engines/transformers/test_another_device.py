"""On a device other than a CPU, the engine takes the ways of a GPU and gives the same answers."""

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from qwenq.schemas.requests import Completion, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.dense.recording import Record
from tests.recorded_operations import Recorder
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.conftest import Checkpoint

SHARED = "Read the contract, and say in one sentence what it is about. " * 3
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"schema": {"type": "integer", "minimum": -3, "maximum": 117}},
}
PARAMS: tuple[dict[str, Any], ...] = (
    {},
    {"temperature": 1.0, "top_p": 0.9},
    {"temperature": 0.7, "top_k": 20, "min_p": 0.05},
    {"repetition_penalty": 1.2, "presence_penalty": 0.5, "frequency_penalty": 0.1},
    {"response_format": SCHEMA},
    {"temperature": 2.5},
    {"stop": ("e", "The total is")},
)


def requests() -> list[Request]:
    """Ask with all kinds of parameters: more than fit at once, of all lengths, many with a shared prefix."""
    return [
        ask(
            "The total is due. " * (1 + 5 * key % 7) + str(key),
            key,
            instruction=SHARED if key % 4 else "",
            max_new_tokens=6 + 3 * (key % 9),
            seed=key,
            **PARAMS[key % len(PARAMS)],
        )
        for key in range(10)
    ]


def answers(folder: Path) -> tuple[str, dict[int, Completion]]:
    """Answer them with a model. Returns the way and the device too."""
    from qwenq.worker.engines.transformers.engine import TransformersEngine

    hooks = EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
    engine = TransformersEngine(str(folder), EngineOptions("cpu", batch_rows=5), hooks)
    engine.load()
    completions = {one.key: one for one in engine.generate(requests())}
    usages = {key: replace(one.usage, prefix_tokens=0) for key, one in completions.items()}
    described = engine.describe()
    way = f"{described.way} on {described.device.partition(':')[0]}"
    return way, {key: replace(one, usage=usages[key]) for key, one in completions.items()}


def answers_there(folder: Path, recorder: Record | None = None) -> tuple[str, dict[int, Completion]]:
    """Answer them on the pretended device. Call it only in a child process."""
    from qwenq.worker.engines.transformers import engine as transformers_engine
    from qwenq.worker.engines.transformers.loading.loading import LoadedModel, load_model
    from qwenq.worker.engines.transformers.loading.progress import LoadMeter
    from tests.pretended_device import pretended_device, put_there

    def load_there(model: str, options: EngineOptions, meter: LoadMeter) -> LoadedModel:
        loaded = load_model(model, options, meter)
        put_there(loaded.network)
        return loaded

    with pytest.MonkeyPatch.context() as patch, pretended_device():
        patch.setattr(transformers_engine, "load_model", load_there)
        patch.setattr(transformers_engine, "choose_recorder", lambda *_: recorder)
        return answers(folder)


def answers_replayed_there(folder: Path) -> tuple[int, dict[int, Completion]]:
    """Answer them there with replayed decode steps. Returns the number of replays. Call it only in a child process."""
    recorder = Recorder()
    _, completions = answers_there(folder, recorder)
    return recorder.replays, completions


def mix_devices() -> str:
    """Add tensors on two devices and return the error. Call it only in a child process."""
    import torch

    from tests.pretended_device import NAME, pretended_device

    with pretended_device():
        there, here = torch.ones(2, device=NAME), torch.ones(2)
        assert (there + there.cpu().to(NAME)).tolist() == [2, 2]
        try:
            return str(there + here)
        except RuntimeError as error:
            return str(error)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield process


def test_the_pretended_device_refuses_tensors_of_another_device(elsewhere: Executor) -> None:
    assert "tensors on two devices" in elsewhere.submit(mix_devices).result()


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("qwen3", "packed"),
        ("sliding", "packed"),
        ("qwen3_5", "padded"),
    ],
)
def test_another_device_gives_the_answers_of_a_cpu(
    name: str, way: str, elsewhere: Executor, checkpoint: Checkpoint
) -> None:
    there = elsewhere.submit(answers_there, checkpoint(name)).result()
    here = answers(checkpoint(name))
    assert there[0] == f"{way} on pretended"
    assert there[1] == here[1]
    assert all(one.failure is None for one in here[1].values())


@pytest.mark.parametrize("name", ["qwen3", "sliding"])
def test_replayed_decode_steps_give_the_answers_of_a_cpu(
    name: str, elsewhere: Executor, checkpoint: Checkpoint
) -> None:
    replays, there = elsewhere.submit(answers_replayed_there, checkpoint(name)).result()
    assert replays > 5
    assert there == answers(checkpoint(name))[1]
