"""How much memory a model's weights take, computed from its configuration before they are read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig
from transformers.quantizers.base import get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

from qwenq.schemas.errors import ModelUnavailable
from qwenq.schemas.settings import Quantize
from qwenq.worker.engines.hub_name import HubName
from qwenq.worker.engines.memory import free_bytes, readable
from qwenq.worker.engines.transformers.loading.device import dtype_name

BLOCK = 64  # NF4 weights that share a scale; bitsandbytes needs whole blocks in a row
BYTES_A_WEIGHT = {"8bit": 1.0, "4bit": 0.5 + (1 + 4 / 256) / BLOCK}  # with the scales, in 8 bits


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights: how many, how many can be quantized, and which linear layers cannot."""

    parameters: int
    quantizable: int
    kept: tuple[str, ...]

    @classmethod
    def of(cls, config: PreTrainedConfig) -> Self:
        """Count the weights of a configuration, without storage for them."""
        with torch.device("meta"):
            network: Any = AutoModelForCausalLM.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
        usual = get_keys_to_not_convert(network)
        linear = {name: part for name, part in network.named_modules() if type(part) is nn.Linear}
        odd = [name for name, part in linear.items() if part.in_features % BLOCK]
        kept = tuple(sorted({*usual, *odd}))
        quantizable = sum(
            part.weight.numel() for name, part in linear.items() if should_convert_module(name, list(kept))
        )
        return cls(network.num_parameters(), quantizable, kept)

    def bytes_in(self, dtype: torch.dtype, quantize: Quantize = "none") -> int:
        """Return the bytes that they take in a number format, if the quantizable ones are quantized so."""
        whole = self.parameters if quantize == "none" else self.parameters - self.quantizable
        fewer = self.quantizable * BYTES_A_WEIGHT[quantize] if quantize != "none" else 0
        return int(whole * dtype.itemsize + fewer)

    def check_fit(self, model: str, device: torch.device, dtype: torch.dtype, quantize: Quantize) -> None:
        """Raise ModelUnavailable, with advice, if they exceed the device's free memory."""
        needed, free = self.bytes_in(dtype, quantize), free_bytes(device)
        if needed > free:
            told = dtype_name(dtype) + ("" if quantize == "none" else f" and {quantize}")
            reason = f"its weights take {readable(needed)} in {told}, and {_left(device, free)}"
            raise ModelUnavailable(model=model, reason=f"{reason}: {self._advice(dtype, free)}")

    def _advice(self, dtype: torch.dtype, free: int) -> str:
        for option, taken in self._smaller(dtype):
            if taken <= free:
                return f"say {option}, which takes {readable(taken)}, or take a smaller model"
        return "take a smaller model, or a device with more memory"

    def _smaller(self, dtype: torch.dtype) -> Iterator[tuple[str, int]]:
        """Yield settings that take less memory, and their bytes, highest precision first."""
        short = min(dtype, torch.bfloat16, key=lambda each: each.itemsize)
        option = f"--dtype {dtype_name(short)} " if short != dtype else ""
        fewer: tuple[Quantize, ...] = ("8bit", "4bit")
        if option:
            yield option.strip(), self.bytes_in(short)
        yield from ((f"{option}--quantize {each}", self.bytes_in(short, each)) for each in fewer)


def check_files_fit(model: str, device: torch.device) -> int | None:
    """Return the bytes of a checkpoint's weight files, if they are here. For weights that are loaded unchanged.

    Raises ModelUnavailable if they exceed the device's free memory.
    """
    taken = _file_bytes(HubName.of(model))
    if taken is not None and taken > (free := free_bytes(device)):
        reason = f"its weights take {readable(taken)}, and {_left(device, free)}: take a smaller model"
        raise ModelUnavailable(model=model, reason=f"{reason}, or a device with more memory")
    return taken


def _file_bytes(name: HubName) -> int | None:
    try:
        folder = Path(name.repository)
        if not folder.is_dir():
            folder = Path(snapshot_download(name.repository, revision=name.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    files = list(folder.glob("*.safetensors")) or list(folder.glob("*.bin"))
    return sum(file.stat().st_size for file in files)


def _left(device: torch.device, free: int) -> str:
    return f"{'this machine' if device.type == 'cpu' else device} has {readable(free)} free"
