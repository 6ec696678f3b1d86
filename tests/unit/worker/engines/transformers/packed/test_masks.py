"""A window is read from the masks that a model asks for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers.masking_utils import (
    bidirectional_mask_function,
    causal_mask_function,
    chunked_causal_mask_function,
    sliding_window_causal_mask_function,
)

from qwenq.worker.engines.transformers.packed.masks import PackedMask, describe_mask, window_of

CAUSAL: Callable[..., Any] = causal_mask_function
LAYER = torch.nn.Linear(1, 1)


@pytest.mark.parametrize("window", [1, 16, 100, 4_096, 32_768])
def test_windows_of_any_length_are_recognized(window: int) -> None:
    mask = describe_mask(mask_function=sliding_window_causal_mask_function(window), local_size=window)
    mask.check()
    assert window_of(mask, LAYER, None) == window


def test_a_causal_mask_has_no_window_even_if_the_layer_names_one() -> None:
    mask = PackedMask(None, CAUSAL)
    mask.check()
    assert window_of(mask, LAYER, 8) is None


@pytest.mark.parametrize(
    ("function", "window"),
    [
        (bidirectional_mask_function, None),
        (causal_mask_function, 4_096),
        (sliding_window_causal_mask_function(4_096), 4_095),
        (sliding_window_causal_mask_function(4_096), None),
        (chunked_causal_mask_function(8_192, torch.zeros(1, dtype=torch.long)), 8_192),
    ],
)
def test_other_rules_are_refused(function: Callable[..., Any], window: int | None) -> None:
    with pytest.raises(TypeError, match="see other columns than a window's"):
        PackedMask(window, function).check()


@pytest.mark.parametrize(("mask", "window"), [(torch.zeros(1, 1, 3, 3), None), (None, 8)])
def test_masks_that_a_model_makes_by_itself_are_refused(
    mask: torch.Tensor | None, window: int | None
) -> None:
    with pytest.raises(TypeError, match="Linear makes its masks by itself"):
        window_of(mask, LAYER, window)
