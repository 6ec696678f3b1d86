"""An engine whose decode steps are replayed: it answers as one without, whatever fails, and says what it does."""

from collections.abc import Callable

import pytest
import torch

from qwenq.worker.engines.transformers import budget
from qwenq.worker.engines.transformers import engine as transformers_engine
from qwenq.worker.engines.transformers.dense.graphed_forward import MOST_BYTES
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel
from tests.recorded_operations import Recorder
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.faults import failing
from tests.unit.worker.engines.transformers.letters import Engines, by_key, codes, letter

LETTERS = [letter(key, new=30) for key in range(11)]


@pytest.fixture
def engines(checkpoint: Checkpoint) -> Engines:
    return Engines(checkpoint)


@pytest.fixture
def graphed(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> Callable[[Recorder], TransformersEngine]:
    """Give an engine that records with what is given."""

    def give(recorder: Recorder) -> TransformersEngine:
        monkeypatch.setattr(DecodeKernel, "compiled", lambda _: None)
        monkeypatch.setattr(transformers_engine, "choose_recorder", lambda *_: recorder)
        return engines.engine()

    return give


Graphed = Callable[[Recorder], TransformersEngine]


def test_its_answers_are_those_of_an_engine_without(engines: Engines, graphed: Graphed) -> None:
    expected = by_key(engines.engine().generate(LETTERS))
    recorder = Recorder()
    engine = graphed(recorder)
    for _ in range(2):
        assert by_key(engine.generate(LETTERS)) == expected
    assert recorder.replays > 10


def test_it_says_so(engines: Engines, graphed: Graphed) -> None:
    assert engines.engine().way == "packed"
    assert engines.engine("qwen3_5").way == "padded"
    assert graphed(Recorder()).way == "packed, decode steps replayed as CUDA graphs"


def test_memory_for_graphs_is_set_aside(
    engines: Engines, graphed: Graphed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(engine: TransformersEngine) -> int:
        assert engine._ready is not None
        return engine._ready.budget.cells

    cell = 2 * 2 * 2 * 16 * 4  # keys and values, of 2 layers and 2 heads of 16 numbers of 4 bytes
    monkeypatch.setattr(budget, "free_bytes", lambda _: 2**33)
    plain = told(engines.engine())
    assert told(graphed(Recorder())) == pytest.approx(plain - MOST_BYTES / cell, abs=1)


def test_memory_that_runs_out_beside_graphs_costs_no_answer_and_frees_them(
    engines: Engines, graphed: Graphed
) -> None:
    expected = by_key(engines.engine().generate(LETTERS))
    recorder = Recorder()
    engine = graphed(recorder)
    kept: list[int] = []

    def runs_out(_: torch.Tensor) -> None:
        assert engine._ready is not None
        graphs = engine._ready.forward._graphs  # type: ignore[union-attr]
        if not kept and any(one.kept for one in graphs.values()):
            kept.append(len(graphs))
            raise torch.OutOfMemoryError("too many tokens")

    with failing(runs_out):
        assert by_key(engine.generate(LETTERS)) == expected
    assert kept == [1]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no"), RuntimeError("no")])
def test_nor_does_a_recorder_that_fails(error: Exception, engines: Engines, graphed: Graphed) -> None:
    class Failing(Recorder):
        def __call__(self, function: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
            if self.recorded:
                function()
                raise error
            return super().__call__(function)

    expected = by_key(engines.engine().generate(LETTERS))
    engine = graphed(Failing())
    cells = engine._ready.budget.cells  # type: ignore[union-attr]
    answers = by_key(engine.generate(LETTERS))
    assert codes(answers) == {}
    assert answers == expected
    assert engine._ready.budget.cells == cells  # type: ignore[union-attr]
    assert engine.way.startswith("packed, ") == isinstance(error, torch.OutOfMemoryError)
