"""How Transformers loads quantized weights, and what is corrected afterwards."""

import logging
from typing import Any

import torch
from transformers import BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel
from transformers import __version__ as transformers_version
from transformers.quantizers.auto import AutoHfQuantizer

from qwenq.schemas.settings import Quantize

DEQUANTIZED = ("fp8", "mxfp8", "mxfp4")
"""Methods whose weights are dequantized when loaded: Transformers computes with them by kernels from the hub."""

# Otherwise it logs a line at each matrix product.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def bitsandbytes_config(
    quantize: Quantize, dtype: torch.dtype, kept: tuple[str, ...]
) -> BitsAndBytesConfig | None:
    """Configure bitsandbytes: LLM.int8, or NF4 with quantized scales. `kept` are layers that are not quantized."""
    if quantize == "none":
        return None
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_8bit=quantize == "8bit",
        load_in_4bit=quantize == "4bit",
        llm_int8_skip_modules=list(kept),
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def is_dequantized(own: str | None) -> bool:
    """Whether quantized weights are dequantized when loaded."""
    return own in DEQUANTIZED


def prepare_checkpoint(config: PreTrainedConfig, own: str) -> None:
    """Prepare the configuration of a quantized checkpoint for loading.

    Raises ValueError for a method that Transformers would ignore.
    """
    found = _method_of(config)
    if not AutoHfQuantizer.supports_quant_method(found):  # type: ignore[no-untyped-call]
        raise ValueError(
            f"its weights are quantized ({own}), which Transformers {transformers_version} cannot read"
        )
    if is_dequantized(own):
        found["dequantize"] = True


def correct_quantized(network: PreTrainedModel, dtype: torch.dtype) -> None:
    """Make a quantized network compute correctly on its device. Raises ValueError if it cannot."""
    if getattr(network, "hf_quantizer", None) is None:
        network.to(dtype)  # type: ignore[arg-type] # dequantized weights come in bfloat16, beside the rest in `dtype`
    if network.device.type == "cpu":
        for name, layer in network.named_modules():
            if type(layer).__name__ == "Linear4bit":
                _correct_on_cpu(name, layer)


def _correct_on_cpu(name: str, layer: Any) -> None:
    """Turn off the AVX-512 path of bitsandbytes.

    It computes in bfloat16 whatever the number format is, refuses most odd shapes, and is slower from a few rows on.
    Besides, bitsandbytes dequantizes wrongly on a CPU where a row is not a whole number of blocks.
    """
    layer.support_avx512bf16_for_cpu = False
    if layer.in_features % layer.weight.blocksize:
        raise ValueError(
            f"bitsandbytes cannot compute {name}, of {layer.in_features} columns in 4 bits, on a CPU"
        )


def _method_of(config: PreTrainedConfig) -> dict[str, Any]:
    text = config.get_text_config(decoder=True)
    found = getattr(config, "quantization_config", None) or getattr(text, "quantization_config", None)
    return found if isinstance(found, dict) else {}
