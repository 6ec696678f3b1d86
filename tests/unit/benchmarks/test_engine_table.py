"""The engine benchmark compares within a round, and judges only the run that the bars are for."""

import json

import pytest

from benchmarks.engine_table import ENGINE, Result, rows_of, tell

SECONDS = {"textbook": [4.0, 9.0, 5.0], "sorted": [2.0, 2.0, 2.0], ENGINE: [2.0, 3.0, 1.0]}


def result(*, judged: bool = True) -> Result:
    return Result(rows_of(SECONDS, 60), {"documents": 24}, judged)


def test_ratios_are_taken_within_a_round() -> None:
    rows = {row.way: row for row in rows_of(SECONDS, 60)}
    assert rows["textbook"].ratios == [2.0, 3.0, 5.0]
    assert rows["textbook"].ratio == 3.0
    assert rows["textbook"].tokens_per_second == 12.0
    assert rows[ENGINE].ratio == 1.0


def test_every_bar_is_printed_beside_its_figure(capsys: pytest.CaptureFixture[str]) -> None:
    found = result()
    found.add("padding waste", 0.25, "", at_most=0.1)
    found.add("memory read", 20.0, "GB/s")
    assert tell(found, as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "generate, padded batches of 8",
        "the same, sorted by length",
        "qwenq's engine",
    ]
    assert lines[1].endswith("3.00   2.00 to 5.00  ok (at least 2)")
    assert lines[2].endswith("1.00   0.67 to 2.00")
    assert lines[4].endswith("UNDER (at most 0.1)")
    assert lines[5].endswith("20.000 GB/s")
    assert lines[6] == "documents 24"


def test_met_bars_give_exit_code_0() -> None:
    assert tell(result(), as_json=False) == 0


def test_a_run_other_than_that_of_the_bars_is_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    found = result(judged=False)
    found.add("padding waste", 0.25, "", at_most=0.1)
    assert tell(found, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["bars"] == []
    assert document["met"]


def test_json_holds_every_round_and_every_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell(result(), as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    textbook = document["ways"][0]
    assert (textbook["way"], textbook["seconds"], textbook["ratio"]) == ("textbook", [4.0, 9.0, 5.0], 3.0)
    assert document["bars"][0]["met"]
    assert document["conditions"] == {"documents": 24}
