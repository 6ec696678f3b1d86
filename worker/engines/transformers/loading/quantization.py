"""Checks of quantization, requested or in the checkpoint. They import no torch."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.machine.installation import with_extra
from qwenq.schemas.settings import Quantize


def check_quantize(quantize: Quantize, device: str) -> None:
    """Raise InvalidSetting if weights cannot be quantized so here."""
    if quantize == "none":
        return
    if find_spec("bitsandbytes") is None:
        raise _invalid(f"{quantize} needs the package bitsandbytes: pip install '{with_extra('quantize')}'")
    if quantize == "8bit" and device.startswith("mps"):
        raise _invalid("bitsandbytes has no 8-bit arithmetic for mps; say 4bit")


def check_whole(model: str, quantize: Quantize, own: str | None) -> None:
    """Raise InvalidSetting if a quantized checkpoint is to be quantized again."""
    if quantize != "none" and own is not None:
        raise _invalid(
            f"{model} is quantized already ({own}) and is loaded as it is: leave {quantize} away, "
            "or take the model's unquantized version"
        )


def own_quantization(config: Mapping[str, Any]) -> str | None:
    """Name the quantization method of a checkpoint's configuration; None if it is not quantized."""
    text = config.get("text_config")
    found = config.get("quantization_config") or (
        text.get("quantization_config") if isinstance(text, Mapping) else None
    )
    if not found:
        return None
    bits = next((bits for bits in ("8bit", "4bit") if found.get(f"load_in_{bits}")), None)
    return f"bitsandbytes {bits}" if bits else str(found.get("quant_method", "no method named"))


def own_quantization_of_folder(model: str) -> str | None:
    """Name the quantization method of a model's folder; None for a hub model, whose configuration is not here yet."""
    try:
        config = json.loads((Path(model) / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return own_quantization(config) if isinstance(config, dict) else None


def _invalid(reason: str) -> InvalidSetting:
    return InvalidSetting(name="QWENQ_QUANTIZE", reason=reason)
