"""The token budget: measured or set, and smaller after too little memory."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qwenq.worker.engines.memory import free_bytes
from qwenq.worker.engines.transformers import budget as budget_module
from qwenq.worker.engines.transformers.budget import ROWS, SHARE, TokenBudget
from qwenq.worker.engines.transformers.padded.cache import CacheSize

CPU = torch.device("cpu")


def test_the_budget_follows_from_the_free_memory() -> None:
    before = free_bytes(CPU)
    budget = TokenBudget.calibrated(CPU, size=CacheSize(1000, 0), passing_bytes=0, rows=None, cells=None)
    after = free_bytes(CPU)
    few, many = sorted((before, after))
    assert 0.9 * SHARE["cpu"] * few <= budget.cells * 1000 <= 1.1 * SHARE["cpu"] * many
    assert budget.rows == ROWS["cpu"]


def test_the_budget_leaves_memory_for_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_module, "free_bytes", lambda _: 3000)
    budget = TokenBudget.calibrated(CPU, size=CacheSize(10, 0), passing_bytes=500, rows=None, cells=None)
    assert budget.cells == (3000 * SHARE["cpu"] - 500) / 10


def test_settings_replace_the_measured_budget() -> None:
    budget = TokenBudget.calibrated(CPU, size=CacheSize(1000, 0), passing_bytes=0, rows=5, cells=77)
    assert budget == TokenBudget(5, 77)


def test_a_setting_for_rows_or_tokens_leaves_the_other_measured() -> None:
    budget = TokenBudget.calibrated(CPU, size=CacheSize(1000, 0), passing_bytes=0, rows=None, cells=77)
    assert budget == TokenBudget(ROWS["cpu"], 77)


@pytest.mark.parametrize(("cell_bytes", "passing"), [(10**18, 0), (1, 10**18), (0, 10**18)])
def test_the_budget_has_at_least_one_token(cell_bytes: int, passing: int) -> None:
    budget = TokenBudget.calibrated(CPU, CacheSize(cell_bytes, 0), passing, rows=None, cells=None)
    assert budget.cells == 1


@given(rows=st.integers(2, 50), columns=st.integers(1, 500))
def test_the_budget_limits_rows_and_tokens(rows: int, columns: int) -> None:
    assert TokenBudget(8, 2000).holds(rows, columns) is (rows <= 8 and rows * columns <= 2000)


def test_tokens_beside_the_rows_count_in_the_budget() -> None:
    budget = TokenBudget(8, 2000)
    assert budget.holds(4, 400, 400)
    assert not budget.holds(4, 400, 401)


def test_states_count_as_tokens_of_the_same_size() -> None:
    budget = TokenBudget.calibrated(CPU, CacheSize(10, 995), 0, rows=8, cells=None)
    assert budget.row_cells == 100
    assert budget.cells_of(3, 50) == 450
    budget.cells = 450
    assert budget.holds(3, 50)
    assert not budget.holds(3, 51)


def test_a_set_number_of_tokens_leaves_states_out() -> None:
    assert TokenBudget.calibrated(CPU, CacheSize(10, 995), 0, rows=8, cells=77).row_cells == 0


def test_the_budget_always_holds_one_document() -> None:
    assert TokenBudget(8, 2000).holds(1, 10**6)
    assert TokenBudget(8, 2000).holds(1, 10, 10**6)


def test_the_budget_is_halved_after_too_little_memory() -> None:
    budget = TokenBudget(8, 2000)
    budget.shrink(600)
    assert budget == TokenBudget(8, 300)
    budget.shrink(5000)
    assert budget == TokenBudget(8, 150)


@given(sizes=st.lists(st.integers(0, 100), max_size=30))
def test_the_budget_never_shrinks_to_zero(sizes: list[int]) -> None:
    budget = TokenBudget(8, 2000)
    for size in sizes:
        budget.shrink(size)
    assert budget.cells >= 1
