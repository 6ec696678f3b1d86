"""A few of the hostile parameters that `make fuzz-parameters` tries."""

from tests.fuzzing.parameters import measure, share

ROWS = 36
GENEROUS_SECONDS = 5.0  # `make fuzz-parameters` asks for less, on a machine that does nothing else


def test_hostile_parameters_of_rows_harm_no_good_row_and_cost_little() -> None:
    figures = measure(ROWS, seed=14)
    assert sum(figures.outcomes.values()) == ROWS + ROWS // 9 + 1
    assert set(figures.outcomes) <= {
        "answered",
        "invalid_parameter",
        "invalid_schema",
        "incomplete_json",
        "generation_failed",
    }
    assert figures.changed == []
    assert share(figures.preparing, 0.99) < GENEROUS_SECONDS, str(figures)
