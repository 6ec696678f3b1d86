"""Decode attention: the C kernel and PyTorch's operations equal the formula."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenq.worker.engines.transformers.packed.decode_attention import (
    DecodeAttention,
    Decoding,
    FoldedDecoding,
)
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix

LAYERS, COLUMNS, LONGEST_PREFIX = 2, 40, 20
LAYER = 1
CLOSE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


@dataclass(frozen=True, slots=True)
class Case:
    """Documents at a step; `prefixes` are the lengths of their prefixes, 0 for none."""

    dtype: torch.dtype
    heads: int
    group: int
    head_size: int
    filled: list[int]
    prefixes: list[int]
    idle: int
    window: int | None
    seed: int

    @property
    def shape(self) -> CacheShape:
        """The shape of a column."""
        return CacheShape(LAYERS, self.heads, self.group, self.head_size, self.dtype, torch.device("cpu"))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    documents = draw(st.integers(1, 5))

    def one_each(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=documents, max_size=documents))

    return Case(
        dtype=draw(st.sampled_from(list(CLOSE))),
        heads=draw(st.integers(1, 3)),
        group=2,
        head_size=16,
        filled=one_each(st.integers(0, COLUMNS - 1)),
        prefixes=one_each(st.sampled_from([0, 7, LONGEST_PREFIX])),
        idle=draw(st.integers(0, 2)),
        window=draw(st.sampled_from([None, 1, 5, 30])),
        seed=draw(st.integers(0, 1000)),
    )


class Laid:
    """A case with a filled cache, prefixes, and the newest queries, keys and values."""

    def __init__(self, case: Case) -> None:
        torch.manual_seed(case.seed)
        shape = self.shape = case.shape
        self.case = case
        self.slots = sorted(torch.randperm(len(case.filled) + case.idle).tolist()[: len(case.filled)])
        self.cache = KVCache(shape)
        self.cache.resize(len(case.filled) + case.idle, COLUMNS, 0)
        longest = Prefix(list(range(LONGEST_PREFIX)))
        longest.make_room(shape)
        for tensor in (*self.cache.keys, *self.cache.values, *longest.keys, *longest.values):
            tensor.normal_()
        self.prefixes = {0: None, LONGEST_PREFIX: longest, 7: longest.cut(7)}
        tokens = len(case.filled)
        self.packed = tuple(
            torch.randn(tokens, heads, case.head_size, dtype=case.dtype).transpose(0, 1)
            for heads in (case.heads * case.group, case.heads, case.heads)
        )

    @property
    def rows(self) -> list[DecodeRow]:
        """The rows, in the order of their slots."""
        places = zip(self.slots, self.case.filled, self.case.prefixes, strict=True)
        return [DecodeRow(slot, filled, self.prefixes[prefix]) for slot, filled, prefix in places]

    def attend(self, attention: DecodeAttention) -> torch.Tensor:
        """Attend with what is tested."""
        query, key, value = self.packed
        return attention.attend(LAYER, (query, key, value), 0.25, self.case.window).float()

    def wanted(self) -> torch.Tensor:
        """Attend with the formula, document by document."""
        return torch.stack([self._alone(place, row) for place, row in enumerate(self.rows)])

    def _alone(self, place: int, row: DecodeRow) -> torch.Tensor:
        columns = []
        for new, tensors in (self.packed[1], self.cache.keys), (self.packed[2], self.cache.values):
            seen = [tensors[LAYER][row.slot, :, : row.filled], new[:, place : place + 1]]
            if row.prefix is not None:
                prefix = row.prefix.keys if tensors is self.cache.keys else row.prefix.values
                seen.insert(0, prefix[LAYER])
            whole = torch.cat(seen, dim=1).float()[:, -(self.case.window or 10_000) :]
            columns.append(whole.repeat_interleave(self.case.group, 0))
        query = self.packed[0][:, place : place + 1].float() * 0.25
        return ((query @ columns[0].transpose(1, 2)).softmax(-1) @ columns[1]).squeeze(1)


_KERNELS: dict[CacheShape, DecodeKernel | None] = {}


def kernel_of(shape: CacheShape) -> DecodeKernel:
    if shape not in _KERNELS:
        _KERNELS[shape] = DecodeKernel.compiled(shape)
    kernel = _KERNELS[shape]
    if kernel is None:
        pytest.skip("there is no C compiler")
    return kernel


@given(cases())
@settings(deadline=None)
def test_the_decode_kernel_equals_the_formula(case: Case) -> None:
    laid = Laid(case)
    wanted = laid.wanted()
    answer = laid.attend(kernel_of(laid.shape).attention(laid.cache, laid.rows))
    torch.testing.assert_close(answer, wanted, rtol=CLOSE[case.dtype], atol=CLOSE[case.dtype])


@given(cases())
@settings(deadline=None)
def test_folded_attention_equals_the_formula(case: Case) -> None:
    laid = Laid(case)
    wanted = laid.wanted()
    used = len(case.filled) + case.idle
    answer = laid.attend(FoldedDecoding(laid.cache, used, laid.rows))
    torch.testing.assert_close(answer, wanted, rtol=CLOSE[case.dtype], atol=2 * CLOSE[case.dtype])


@given(cases())
@settings(deadline=None)
def test_attending_stores_only_the_newest_keys_and_values(case: Case) -> None:
    laid = Laid(case)
    before = [tensor.clone() for tensor in (*laid.cache.keys, *laid.cache.values)]
    laid.attend(kernel_of(laid.shape).attention(laid.cache, laid.rows))
    for place, row in enumerate(laid.rows):
        before[LAYER][row.slot, :, row.filled] = laid.packed[1][:, place]
        before[LAYERS + LAYER][row.slot, :, row.filled] = laid.packed[2][:, place]
    assert all(map(torch.equal, before, [*laid.cache.keys, *laid.cache.values]))


@pytest.mark.parametrize("dtype", list(CLOSE))
def test_nan_in_one_document_does_not_reach_another(dtype: torch.dtype) -> None:
    laid = Laid(Case(dtype, 2, 2, 16, [3, 9, 5], [7, 7, 0], 0, None, 1))
    laid.packed[0][:, 1] = float("nan")
    answer = laid.attend(kernel_of(laid.shape).attention(laid.cache, laid.rows))
    assert answer.isfinite().all(dim=(1, 2)).tolist() == [True, False, True]


def test_without_a_compiler_pytorch_attends_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    laid = Laid(Case(torch.float32, 2, 2, 16, [3, 9], [0, 7], 1, None, 2))
    with caplog.at_level("INFO", "qwenq.engine"):
        attention = Decoding(laid.shape).of(laid.cache, 3, laid.rows)
    assert isinstance(attention, FoldedDecoding)
    assert "no-such-compiler" in caplog.text


def test_other_number_formats_have_no_decode_kernel() -> None:
    assert DecodeKernel.compiled(CacheShape(1, 1, 1, 8, torch.float16, torch.device("cpu"))) is None
