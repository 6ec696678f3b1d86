"""Linear layers with weights prepacked for oneDNN, in bfloat16 on a CPU.

Otherwise oneDNN rearranges a weight at every product with few rows, which takes a fifth to a third of the time.
PyTorch's own compiler prepacks weights too (`torch._inductor`, freezing); these are its operators.
"""

import torch
from transformers import PreTrainedModel

from qwenq.worker.engines.transformers.dense.panels import PanelLinear

ROWS = 32  # the layout is best for about this many rows, and correct for any number


class PrepackedLinear(torch.nn.Module):
    """A linear layer whose weight is laid out for oneDNN: tokens x in to tokens x out.

    The next operation can be fused into the product, so that the product is written once and not read again.
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
        """Multiply, then replace each product x by x * sigmoid(x)."""
        return self._then("swish", rows)

    def times(self, rows: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """Multiply, then multiply each product by a factor."""
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
    """Lay out the weights of all linear layers, if the processor gains from it."""
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
