"""The series that /metrics gives beside Flower's own: names, labels, and what each tells."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Series:
    """One family of series."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str

    @property
    def samples(self) -> tuple[str, ...]:
        """The names to ask for in a query."""
        ends = {"gauge": ("",), "counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        return tuple(self.name + end for end in ends[self.kind])


STORE_UP = Series("qwenq_store_up", "gauge", (), "1 where the store answered this look, else 0")
READ_SECONDS = Series("qwenq_store_read_seconds", "gauge", (), "What this look took the store")
JOBS = Series("qwenq_jobs", "gauge", ("state",), "Jobs in the store")
DOCUMENTS = Series("qwenq_documents", "gauge", ("state",), "Documents in the store")
OPEN_DOCUMENTS = Series("qwenq_open_documents", "gauge", ("state",), "Documents of jobs that have not ended")
POISON = Series(
    "qwenq_poison_documents", "gauge", (), "Documents that failed since they took their worker down"
)
WAITING_CHUNKS = Series(
    "qwenq_waiting_chunks", "gauge", ("model",), "Chunks that wait for a worker: the queue's depth"
)
WAITING_DOCUMENTS = Series("qwenq_waiting_documents", "gauge", ("model",), "Documents of those chunks")
OLDEST_SECONDS = Series(
    "qwenq_oldest_waiting_chunk_seconds", "gauge", ("model",), "How long the one that waits longest does"
)
WORKERS = Series("qwenq_workers", "gauge", ("model", "condition"), "Workers heard of today, by how they fare")
WORKER_MEMORY = Series(
    "qwenq_worker_memory_bytes", "gauge", ("worker", "model"), "Memory of a live worker's process"
)
GPU_MEMORY = Series(
    "qwenq_worker_gpu_memory_bytes", "gauge", ("worker", "model"), "Memory taken on a live worker's GPU"
)
GPU_TOTAL = Series(
    "qwenq_worker_gpu_memory_total_bytes", "gauge", ("worker", "model"), "Memory that the GPU has"
)
ATTEMPTS = Series("qwenq_chunk_attempts", "counter", (), "Claims of chunks by workers")
RESCUES = Series("qwenq_chunk_rescues", "counter", (), "Chunks put back after their worker was gone")
GENERATED = Series("qwenq_generated_documents", "counter", ("model",), "Documents that went through a model")
PROMPT_TOKENS = Series("qwenq_prompt_tokens", "counter", ("model",), "Tokens in")
PREFIX_TOKENS = Series(
    "qwenq_prefix_tokens", "counter", ("model",), "Of these, read from a beginning that prompts share"
)
PROMPT_CELLS = Series(
    "qwenq_prompt_cells",
    "counter",
    ("model",),
    "Cells computed for the other tokens in: the surplus is padding",
)
COMPLETION_TOKENS = Series("qwenq_completion_tokens", "counter", ("model",), "Tokens out, reasoning included")
DEVICE_SECONDS = Series("qwenq_device_seconds", "counter", ("model",), "Time that devices spent on it")
GENERATION_SECONDS = Series(
    "qwenq_generation_seconds",
    "histogram",
    ("model",),
    "From a document's entering the device to its answer's end",
)
BATCH_SIZE = Series(
    "qwenq_batch_size",
    "histogram",
    ("model",),
    "Documents on a device at once: an average for each stretch of ten seconds, or less",
)

SERIES = (
    STORE_UP, READ_SECONDS, JOBS, DOCUMENTS, OPEN_DOCUMENTS, POISON, WAITING_CHUNKS, WAITING_DOCUMENTS,
    OLDEST_SECONDS, WORKERS, WORKER_MEMORY, GPU_MEMORY, GPU_TOTAL, ATTEMPTS, RESCUES, GENERATED, PROMPT_TOKENS,
    PREFIX_TOKENS, PROMPT_CELLS, COMPLETION_TOKENS, DEVICE_SECONDS, GENERATION_SECONDS, BATCH_SIZE,
)  # fmt: skip
