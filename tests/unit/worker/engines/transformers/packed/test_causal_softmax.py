"""The softmax of prefill attention: the C kernel and PyTorch's operations equal the formula."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenq.worker.engines.transformers.native import NUMBERS, compile_kernel
from qwenq.worker.engines.transformers.packed.causal_softmax import (
    CausalSoftmax,
    SoftmaxKernel,
    causal_softmax,
    masked_softmax,
    visible,
)

CLOSE = {torch.float32: 1e-6, torch.bfloat16: 1e-2}
CPU = torch.device("cpu")


def wanted(scores: torch.Tensor, tokens: int, before: int, window: int | None) -> torch.Tensor:
    """Compute the softmax over the columns that each row sees, row by row."""
    weights = torch.zeros(scores.shape)
    for head in range(scores.shape[0]):
        for row in range(scores.shape[1]):
            end = before + row % tokens + 1
            first = max(0, end - window) if window else 0
            weights[head, row, first:end] = scores[head, row, first:end].float().softmax(-1)
    return weights


@pytest.fixture(scope="module", params=["kernel", "operations"])
def softmaxes(request: pytest.FixtureRequest) -> dict[torch.dtype, CausalSoftmax]:
    if request.param == "operations":
        return dict.fromkeys(CLOSE, masked_softmax)
    kernels = {dtype: SoftmaxKernel.compiled(dtype) for dtype in CLOSE}
    if None in kernels.values():
        pytest.skip("there is no C compiler")
    return {dtype: kernel for dtype, kernel in kernels.items() if kernel is not None}


@given(
    dtype=st.sampled_from(list(CLOSE)),
    heads=st.integers(1, 3),
    tokens=st.integers(1, 40),
    before=st.integers(0, 30),
    window=st.sampled_from([None, 1, 6, 50]),
    spread=st.sampled_from([0.1, 3.0, 60.0]),
)
@settings(deadline=None)
def test_each_token_weighs_only_the_columns_that_it_sees(
    softmaxes: dict[torch.dtype, CausalSoftmax],
    dtype: torch.dtype,
    heads: int,
    tokens: int,
    before: int,
    window: int | None,
    spread: float,
) -> None:
    torch.manual_seed(tokens)
    scores = (spread * torch.randn(heads, 2 * tokens, before + tokens)).to(dtype)
    right = wanted(scores, tokens, before, window)
    weights = softmaxes[dtype](scores.clone(), tokens, before, window)
    torch.testing.assert_close(weights.float(), right, rtol=CLOSE[dtype], atol=CLOSE[dtype])
    hidden = ~visible(tokens, before, window).repeat(2, 1)
    assert not weights[:, hidden].any()


def test_a_row_of_nan_does_not_change_other_rows(
    softmaxes: dict[torch.dtype, CausalSoftmax],
) -> None:
    scores = torch.randn(1, 8, 8)
    scores[0, 3, 1] = float("nan")
    weights = softmaxes[torch.float32](scores, 8, 0, None)
    assert weights.isnan().any(dim=-1).tolist() == [[place == 3 for place in range(8)]]


def test_without_a_compiler_pytorch_computes_the_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    assert causal_softmax(torch.float32, CPU) is masked_softmax


def test_a_kernel_is_compiled_once_a_process() -> None:
    library = compile_kernel("causal_softmax", NUMBERS[torch.float32])
    assert compile_kernel("causal_softmax", NUMBERS[torch.float32]) is library
    assert compile_kernel("causal_softmax", NUMBERS[torch.bfloat16]) is not library
