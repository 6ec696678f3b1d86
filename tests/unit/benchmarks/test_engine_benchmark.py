"""The engine benchmark runs from end to end on a tiny model, and sees an engine that answers wrongly."""

from pathlib import Path

import pytest

from benchmarks import engine_run
from benchmarks.engine_check import check_equality
from benchmarks.engine_run import EngineRun
from benchmarks.engine_shapes import SHAPES, Shape, make_network, save_checkpoint
from benchmarks.engine_table import ENGINE
from benchmarks.engine_ways import with_engine
from benchmarks.engine_workload import mixed_workload

TINY = Shape(
    {
        "vocab_size": 256,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "tie_word_embeddings": False,
    },
    documents=3,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny model under a name of its own, and ceilings that are measured in a moment."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setitem(SHAPES, "tiny", TINY)
    monkeypatch.setattr("benchmarks.machine.SECONDS_A_TRY", 0.001)


def test_every_benchmarked_engine_answers_the_workload() -> None:
    run = EngineRun(
        shape="tiny",
        device="cpu",
        cuda_graphs=True,
        documents=None,
        short_documents=8,
        rounds=1,
        skipped=frozenset(),
        vllm_python=None,
        check=True,
    )
    result = engine_run.run(run)
    assert [row.way for row in result.rows] == ["one-by-one", "textbook", "sorted", "continuous", ENGINE]
    assert all(len(row.seconds) == 1 and min(row.seconds) > 0 for row in result.rows)
    assert result.bars == []  # they are for another shape
    assert result.conditions["documents"] == 3
    assert str(result.conditions["ours"]).startswith("packed, ")
    assert "3 answers checked" in str(result.conditions["equality"])
    figures = {figure.what: figure.value for figure in result.figures}
    assert figures["floor of the workload"] > 0
    assert figures["padding waste of the engine"] >= 0
    assert figures["8 short documents, one prompt: prefill computed"] >= 1


def test_a_wrong_answer_ends_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(make_network(TINY, "cpu"), tmp_path)
    jobs = mixed_workload(2, TINY.vocabulary, 0).jobs

    def wrong(*given: object) -> list[list[int]]:
        answers = with_engine(*given)  # type: ignore[arg-type]
        answers[1][3] = (answers[1][3] + 1) % TINY.vocabulary
        return answers

    assert check_equality(tmp_path, "cpu", jobs) >= 0
    monkeypatch.setattr("benchmarks.engine_check.with_engine", wrong)
    with pytest.raises(SystemExit, match=r"document 1: .* at token 3"):
        check_equality(tmp_path, "cpu", jobs)
