"""The least time that a workload can take on a machine: its operations and bytes over the machine's ceilings.

The floor assumes an engine without waste: it computes the shared prefix once, has no padding, decodes all documents
together, drops a document at its last token, and reads memory while it multiplies.

    prefill = max(operations / rate, bytes / bandwidth), once:
        operations = 2 * layer weights * tokens that differ
                   + 4 * query width * layers * (columns that each of these tokens attends to)
                   + 2 * head weights * documents
        bytes      = all weights read + keys and values written
    decode  = the sum over the steps of max(operations / rate, bytes / bandwidth), of a step with r rows:
        operations = 2 * (layer + head weights) * r + 4 * query width * layers * columns of the r rows
        bytes      = all weights read + keys and values of the r rows read, the prefix once for each row

Layer weights are those of the projections, head weights those of the vocabulary. Looking up tokens and sampling cost
nothing. Numbers are bfloat16. The prompt's last column gives the first new token, so an answer of
n tokens takes n - 1 steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.engine_workload import Workload
from benchmarks.machine import Ceilings

BYTES = 2


@dataclass(frozen=True, slots=True)
class Costs:
    """What a token costs in a model: counts of numbers, not bytes."""

    layer_weights: int
    head_weights: int
    query_width: int
    layers: int
    cached_a_token: int

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights that a step reads."""
        return BYTES * (self.layer_weights + self.head_weights)

    def prefill(self, workload: Workload) -> tuple[float, float]:
        """Operations and bytes of all prompts."""
        tokens = workload.differing_tokens
        attended = _triangle(0, workload.prefix_tokens)
        attended += sum(_triangle(workload.prefix_tokens, len(job.prompt)) for job in workload.jobs)
        operations = 2 * self.layer_weights * tokens + 4 * self.query_width * self.layers * attended
        operations += 2 * self.head_weights * len(workload.jobs)
        return operations, self.weight_bytes + BYTES * self.cached_a_token * tokens

    def decode_steps(self, workload: Workload) -> Iterator[tuple[float, float]]:
        """Operations and bytes of each step."""
        for step in range(1, max(job.new_tokens for job in workload.jobs)):
            rows = [len(job.prompt) + step for job in workload.jobs if job.new_tokens > step]
            operations = 2 * (self.layer_weights + self.head_weights) * len(rows)
            operations += 4 * self.query_width * self.layers * sum(rows)
            yield operations, self.weight_bytes + BYTES * self.cached_a_token * sum(rows)


def costs_of(network: Any) -> Costs:
    """Read the costs from a Transformers model with dense layers."""
    config = network.config
    head = network.get_output_embeddings().weight
    embedding = network.get_input_embeddings().weight
    matrices = sum(weight.numel() for weight in network.parameters() if weight.dim() > 1)
    apart = head.numel() + (0 if head is embedding else embedding.numel())
    return Costs(
        layer_weights=matrices - apart,
        head_weights=head.numel(),
        query_width=config.num_attention_heads * config.head_dim,
        layers=config.num_hidden_layers,
        cached_a_token=2 * config.num_key_value_heads * config.head_dim * config.num_hidden_layers,
    )


def floor_seconds(costs: Costs, workload: Workload, ceilings: Ceilings) -> float:
    """Compute the least seconds for the workload."""
    prefill = ceilings.seconds(*costs.prefill(workload))
    return prefill + sum(ceilings.seconds(*step) for step in costs.decode_steps(workload))


def _triangle(start: int, end: int) -> int:
    """Count the columns that tokens from `start` up to `end` attend to: those before each, and its own."""
    return (end * (end + 1) - start * (start + 1)) // 2
