"""Static steps: which steps can be static, what they compute, and what they leave unchanged."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.static_step import Size, StaticStep, static_decoding
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kernel_attention import DecodeKernel, KernelAttention
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import PackedStep

SLOTS, COLUMNS = 8, 128
Networks = Callable[[str], Any]


class Laid:
    """A model with a filled cache and a filled prefix."""

    def __init__(self, network: Any) -> None:
        torch.manual_seed(0)
        shape = CacheShape.of(network)
        self.dense = DenseForward(network)
        self.cache = KVCache(shape)
        self.cache.resize(SLOTS, COLUMNS, used=0)
        self.prefix = Prefix(list(range(20)))
        self.prefix.make_room(shape)
        for tensor in (*self.cache.keys, *self.cache.values, *self.prefix.keys, *self.prefix.values):
            tensor.normal_()

    def step(self, filled: list[int], prefix: Prefix | None) -> PackedStep:
        """Make a step in which documents with so many columns get a token each."""
        decode_rows = [DecodeRow(slot, columns, prefix) for slot, columns in enumerate(filled)]
        step = PackedStep(decoding=FoldedDecoding(self.cache, len(decode_rows), decode_rows))
        for row in decode_rows:
            step.add_token(7 * row.filled % 400, row.shared + row.filled)
        return step

    def run(self, step: PackedStep, size: Size, prefix: Prefix | None) -> torch.Tensor:
        """Run the step as a static one. Returns the logits of its documents."""
        assert isinstance(step.decoding, FoldedDecoding)
        static = StaticStep.of(size, torch.device("cpu"))
        static.fill(step.tokens, step.decoding)
        rows = static.run(self.dense, self.cache, prefix)
        assert len(rows) == size.rows
        return self.dense.logits(rows[: step.decoding.documents])


def decoding_of(used: int, filled: int, slots: int = 256, columns: int = 5_000) -> FoldedDecoding:
    cache = KVCache(CacheShape(1, 1, 1, 1, torch.float32, torch.device("cpu")))
    cache.slots, cache.columns = slots, columns
    return FoldedDecoding(cache, used, [DecodeRow(0, filled, None)])


@pytest.mark.parametrize(
    ("used", "rows"),
    [(1, 1), (2, 2), (3, 4), (8, 8), (9, 16), (16, 16), (17, 32), (33, 48), (250, 256), (256, 256)],
)
def test_a_size_has_a_few_spare_rows(used: int, rows: int) -> None:
    assert Size.of(decoding_of(used, 5)) == (rows, 64)


@pytest.mark.parametrize(
    ("filled", "columns"), [(0, 64), (63, 64), (64, 128), (300, 320), (511, 512), (512, 640), (4_095, 4_096)]
)
def test_a_size_has_a_few_spare_columns(filled: int, columns: int) -> None:
    assert Size.of(decoding_of(1, filled)) == (1, columns)


def test_a_size_stays_within_the_cache() -> None:
    assert Size.of(decoding_of(3, 70, slots=3, columns=71)) == (3, 71)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", ["qwen2", "qwen3", "sliding", "tied"])
@torch.inference_mode()
def test_a_static_step_gives_the_logits_of_the_dense_pass(
    name: str, shared: bool, network_of: Networks
) -> None:
    laid = Laid(network_of(name))
    prefix = laid.prefix if shared else None
    step = laid.step([0, 5, COLUMNS - 1, 30, 31], prefix)
    wanted = laid.dense(step)
    for size in (Size(5, COLUMNS), Size(8, COLUMNS)):
        torch.testing.assert_close(laid.run(step, size, prefix), wanted, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_idle_rows_store_zeros_even_if_the_prefix_holds_nan(
    network_of: Networks,
) -> None:
    laid = Laid(network_of("qwen3"))
    before = [tensor.clone() for tensor in (*laid.cache.keys, *laid.cache.values)]
    laid.prefix.values[0].fill_(float("nan"))
    laid.run(laid.step([9, 4, 12], laid.prefix), Size(8, 64), laid.prefix)
    for was, tensor in zip(before, (*laid.cache.keys, *laid.cache.values), strict=True):
        was[3:, :, 0] = 0
        for slot, filled in enumerate([9, 4, 12]):
            was[slot, :, filled] = tensor[slot, :, filled]
        torch.testing.assert_close(tensor, was, rtol=0, atol=0, equal_nan=True)


def test_steps_with_prefill_several_prefixes_or_idle_slots_are_not_static(
    network_of: Networks,
) -> None:
    laid = Laid(network_of("qwen3"))
    step = laid.step([3, 4], laid.prefix)
    assert static_decoding(step) is step.decoding
    assert static_decoding(PackedStep()) is None

    with_piece = laid.step([3, 4], laid.prefix)
    with_piece.add_piece(Piece([1, 2], 0, [], [], None))
    assert static_decoding(with_piece) is None

    two_rows = [DecodeRow(0, 3, laid.prefix), DecodeRow(1, 4, None)]
    assert static_decoding(PackedStep(decoding=FoldedDecoding(laid.cache, 2, two_rows))) is None
    assert static_decoding(PackedStep(decoding=FoldedDecoding(laid.cache, 3, two_rows[:1]))) is None


def test_a_step_that_attends_in_c_is_not_static(network_of: Networks) -> None:
    laid = Laid(network_of("qwen3"))
    kernel = DecodeKernel.compiled(CacheShape.of(network_of("qwen3")))
    if kernel is None:
        pytest.skip("there is no C compiler")
    attention = KernelAttention(kernel, laid.cache, [DecodeRow(0, 3, None)])
    assert static_decoding(PackedStep(decoding=attention)) is None
