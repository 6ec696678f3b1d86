"""Tries whether replayed steps compute the same as without graphs, on a few layers of random weights.

    python -m qwenq.worker.engines.transformers.dense.graph_trial < trial.json

It runs in a child process, because a failed capture may break the device's context or PyTorch's allocator.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from qwenq.worker.engines.transformers.dense.cuda_recorder import CudaRecorder
from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.graphed_forward import STEPS_BEFORE, GraphedForward
from qwenq.worker.engines.transformers.dense.recording import Record, Replay
from qwenq.worker.engines.transformers.dense.static_step import COLUMNS_TOGETHER
from qwenq.worker.engines.transformers.loading.device import dtype_name
from qwenq.worker.engines.transformers.packed.decode_attention import FoldedDecoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.step import PackedStep
from qwenq.worker.engines.transformers.trial import differs, limit_of

LAYERS = 2
MOST_VOCABULARY, MOST_BETWEEN = 1_024, 2_048  # they take memory, and are the same operations at any size
SLOTS, COLUMNS, PREFIX_TOKENS = 20, 2 * COLUMNS_TOGETHER, 24
ROWS = (1, 3, 17)
STEPS = STEPS_BEFORE + 2  # of each size


@dataclass(frozen=True, slots=True)
class Trial:
    """A small model of the same architecture: its configuration, device and number format."""

    config: dict[str, Any]
    device: str
    dtype: str

    @classmethod
    def of(cls, network: PreTrainedModel) -> Self:
        """Reduce a model's configuration. Heads, widths and kinds of layers stay."""
        config: dict[str, Any] = json.loads(network.config.to_json_string(use_diff=False))
        kinds = config.get("layer_types")
        config |= {
            "num_hidden_layers": LAYERS,
            "layer_types": kinds and [kinds[0], kinds[-1]],
            "vocab_size": min(config["vocab_size"], MOST_VOCABULARY),
            "intermediate_size": min(config["intermediate_size"], MOST_BETWEEN),
            "pad_token_id": None,
        }
        return cls(config, str(network.device), dtype_name(network.dtype))

    def as_json(self) -> str:
        """Serialize the trial for the child process."""
        return json.dumps(asdict(self))

    def network(self) -> PreTrainedModel:
        """Make the model with random weights, on the device."""
        torch.manual_seed(0)
        kind, rest = self.config["model_type"], {**self.config}
        del rest["model_type"]
        with torch.device(self.device):
            network: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                AutoConfig.for_model(kind, **rest), dtype=getattr(torch, self.dtype), trust_remote_code=False
            )
        drawn: PreTrainedModel = network.eval()
        return drawn


@torch.inference_mode()
def reason_against(network: PreTrainedModel, record: Record) -> str | None:
    """Return what is wrong with replayed steps; None if nothing is."""
    recorded = 0

    def counted(function: Callable[[], torch.Tensor]) -> Replay:
        nonlocal recorded
        recorded += 1
        return record(function)

    dense = DenseForward(network)
    graphed = GraphedForward(dense, counted)
    for step in _steps(network):
        wanted = dense(step).clone()
        if reason := differs(graphed(step), wanted, limit_of(network.dtype)):
            return reason
    if graphed.failure is None and recorded != 4 * len(ROWS):
        return f"{recorded} of {4 * len(ROWS)} sizes were recorded"
    return graphed.failure


def _steps(network: PreTrainedModel) -> Iterator[PackedStep]:
    """Yield decode steps that grow into the next size of columns, without a prefix and with one."""
    shape = CacheShape.of(network)
    cache = KVCache(shape)
    cache.resize(SLOTS, COLUMNS, used=0)
    prefix = Prefix([0] * PREFIX_TOKENS)
    prefix.make_room(shape)
    for tensor in (*cache.keys, *cache.values, *prefix.keys, *prefix.values):
        tensor.normal_()
    draw = random.Random(0)  # noqa: S311
    for shared in (None, prefix):
        for rows in ROWS:
            for filled in range(COLUMNS_TOGETHER - STEPS, COLUMNS_TOGETHER + STEPS):
                decode_rows = [DecodeRow(slot, filled - 3 * slot, shared) for slot in range(rows)]
                step = PackedStep(decoding=FoldedDecoding(cache, rows, decode_rows))
                for row in decode_rows:
                    token = draw.randrange(network.config.vocab_size)
                    step.add_token(token, row.shared + row.filled)
                yield step


def main() -> int:
    """Read a trial from standard input, write what is wrong to standard error, and return the exit code."""
    trial = Trial(**json.load(sys.stdin))
    network = trial.network()
    reason = reason_against(network, CudaRecorder(network.device))
    if reason is not None:
        sys.stderr.write(f"{reason}\n")
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
