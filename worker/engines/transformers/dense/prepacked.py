"""Weights laid out ahead as the processor's matrix product wants them.

In bfloat16 on a CPU, oneDNN rearranges a weight at every product with few rows, which takes a fifth to a third of it.
PyTorch's own compiler lays weights out ahead (`torch._inductor`, freezing); these are the operators that it uses.
"""

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.dense.panels import PanelLinear

ROWS = 32  # the layout suits products with about so many rows best, and serves all others


class PrepackedLinear(torch.nn.Module):
    """A linear layer whose weight is laid out for oneDNN: tokens x in to tokens x out.

    What comes right after a product can be done on the way: each product is then written once, and not read again.
    """

    def __init__(self, layer: torch.nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), ROWS)  # noqa: SLF001
        self.bias = layer.bias
        self._product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return self._then("none", rows)

    def silu(self, rows: torch.Tensor) -> torch.Tensor:
        """Multiply, then let each product x become x * sigmoid(x)."""
        return self._then("swish", rows)

    def times(self, rows: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """Multiply, then each product by a factor."""
        return self._with("mul", rows, factors)

    def plus(self, rows: torch.Tensor, terms: torch.Tensor) -> torch.Tensor:
        """Multiply, then add a term to each product."""
        return self._with("add", rows, terms)

    def _then(self, name: str, rows: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = self._product.default(rows, self.weight, self.bias, name, [], "")
        return product

    def _with(self, name: str, rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = self._product.binary(rows, others, self.weight, self.bias, name)
        return product


@torch.inference_mode()
def prepack(network: PreTrainedModel) -> None:
    """Lay out the weights of all plain linear layers, where the processor has a use for it."""
    if network.device.type != "cpu" or network.dtype != torch.bfloat16:
        return
    for module in list(network.modules()):
        for name, layer in list(module.named_children()):
            if type(layer) is torch.nn.Linear and (laid_out := _laid_out(layer)):
                setattr(module, name, laid_out)


def _laid_out(layer: torch.nn.Linear) -> torch.nn.Module | None:
    if (panels := PanelLinear.of(layer)) is not None:
        return panels
    return PrepackedLinear(layer) if layer.weight.dtype == torch.bfloat16 and _available() else None


def _available() -> bool:
    names = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
    operators = torch.ops.mkldnn
    return all(hasattr(operators, name) for name in names) and bool(operators._is_mkldnn_bf16_supported())  # noqa: SLF001
