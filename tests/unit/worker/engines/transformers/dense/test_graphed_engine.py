"""An engine with replayed decode steps answers like one without, whatever fails."""

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
from tests.unit.worker.engines.transformers.letters import KINDS, Engines, by_key, codes, letter

LETTERS = [letter(key, new=30) for key in range(11)]


@pytest.fixture
def engines(checkpoint: Checkpoint) -> Engines:
    return Engines(checkpoint)


@pytest.fixture
def graphed(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> Callable[[Recorder], TransformersEngine]:
    """Make an engine that uses a given recorder."""

    def give(recorder: Recorder) -> TransformersEngine:
        monkeypatch.setattr(DecodeKernel, "compiled", lambda _: None)
        monkeypatch.setattr(transformers_engine, "choose_recorder", lambda *_: recorder)
        return engines.engine()

    return give


Graphed = Callable[[Recorder], TransformersEngine]


def test_an_engine_with_graphs_answers_as_one_without(engines: Engines, graphed: Graphed) -> None:
    expected = by_key(engines.engine().generate(LETTERS))
    recorder = Recorder()
    engine = graphed(recorder)
    for _ in range(2):
        assert by_key(engine.generate(LETTERS)) == expected
    assert recorder.replays > 10


def test_a_description_says_whether_decode_steps_are_replayed(engines: Engines, graphed: Graphed) -> None:
    assert [engines.engine(name).describe().way for name in KINDS] == ["packed", "padded"]
    assert not engines.engine().describe().replays_graphs
    described = graphed(Recorder()).describe()
    assert described.replays_graphs
    assert str(described) == "packed, computed by PyTorch, decode steps replayed as CUDA graphs"


def test_memory_for_graphs_is_reserved(
    engines: Engines, graphed: Graphed, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = 2 * 2 * 2 * 16 * 4  # keys and values, of 2 layers and 2 heads of 16 numbers of 4 bytes
    monkeypatch.setattr(budget, "free_bytes", lambda _: 2**33)
    without, beside = engines.engine().describe().tokens, graphed(Recorder()).describe().tokens
    assert without is not None
    assert beside == pytest.approx(without - MOST_BYTES / cell, abs=1)


def test_out_of_memory_beside_graphs_costs_no_answer_and_frees_the_graphs(
    engines: Engines, graphed: Graphed
) -> None:
    expected = by_key(engines.engine().generate(LETTERS))
    recorder = Recorder()
    engine = graphed(recorder)
    graphs: list[int] = []

    def runs_out(_: torch.Tensor) -> None:
        if len(graphs) < 2 and (graphs or engine.describe().graphs):
            graphs.append(engine.describe().graphs)
            if len(graphs) == 1:
                raise torch.OutOfMemoryError("too many tokens")

    with failing(runs_out):
        assert by_key(engine.generate(LETTERS)) == expected
    before, after = graphs
    assert before > after == 0


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no"), RuntimeError("no")])
def test_a_recorder_that_fails_costs_no_answer(error: Exception, engines: Engines, graphed: Graphed) -> None:
    class Failing(Recorder):
        def __call__(self, function: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
            if self.recorded:
                function()
                raise error
            return super().__call__(function)

    expected = by_key(engines.engine().generate(LETTERS))
    engine = graphed(Failing())
    before = engine.describe()
    answers = by_key(engine.generate(LETTERS))
    assert codes(answers) == {}
    assert answers == expected
    assert engine.describe().tokens == before.tokens
    assert engine.describe().replays_graphs == isinstance(error, torch.OutOfMemoryError)
