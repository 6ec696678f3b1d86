"""qwenq's series in /metrics: names, labels, meanings."""

from qwenq.schemas.measures.series import Series

STORE_UP = Series("qwenq_store_up", "gauge", (), "1 if the store responded to this scrape, else 0")
READ_SECONDS = Series(
    "qwenq_store_read_seconds", "gauge", (), "Time that this scrape spent reading the store"
)
JOBS = Series("qwenq_jobs", "gauge", ("state",), "Jobs in the store")
DOCUMENTS = Series("qwenq_documents", "gauge", ("state",), "Documents in the store")
OPEN_DOCUMENTS = Series("qwenq_open_documents", "gauge", ("state",), "Documents of jobs that have not ended")
INCOMPLETE = Series(
    "qwenq_incomplete_answers",
    "gauge",
    ("cause",),
    "Answers in the store that were cut or are empty, by cause",
)
POISON = Series(
    "qwenq_poison_documents", "gauge", (), "Documents that failed because they crashed their worker"
)
WAITING_CHUNKS = Series(
    "qwenq_waiting_chunks", "gauge", ("model",), "Chunks that wait for a worker: the depth of the queue"
)
WAITING_DOCUMENTS = Series("qwenq_waiting_documents", "gauge", ("model",), "Documents in waiting chunks")
OLDEST_SECONDS = Series(
    "qwenq_oldest_waiting_chunk_seconds", "gauge", ("model",), "Age of the chunk that has waited longest"
)
WORKERS = Series("qwenq_workers", "gauge", ("model", "condition"), "Workers of the last day, by condition")
WORKER_MEMORY = Series(
    "qwenq_worker_memory_bytes", "gauge", ("worker", "model"), "Memory of a live worker's working process"
)
GPU_MEMORY = Series(
    "qwenq_worker_gpu_memory_bytes", "gauge", ("worker", "model"), "Used memory of a live worker's GPU"
)
GPU_TOTAL = Series(
    "qwenq_worker_gpu_memory_total_bytes", "gauge", ("worker", "model"), "Total memory of a live worker's GPU"
)
ATTEMPTS = Series("qwenq_chunk_attempts", "counter", (), "Claims of chunks by workers")
RESCUES = Series("qwenq_chunk_rescues", "counter", (), "Chunks rescued after their worker was gone")
GENERATED = Series("qwenq_generated_documents", "counter", ("model",), "Documents that a model processed")
PROMPT_TOKENS = Series(
    "qwenq_prompt_tokens", "counter", ("model",), "Prompt tokens, shared prefixes included"
)
PREFIX_TOKENS = Series(
    "qwenq_prefix_tokens", "counter", ("model",), "Prompt tokens read from a shared prefix"
)
PROMPT_CELLS = Series(
    "qwenq_prompt_cells",
    "counter",
    ("model",),
    "Cells computed for the other prompt tokens; the surplus is padding",
)
COMPLETION_TOKENS = Series(
    "qwenq_completion_tokens", "counter", ("model",), "Generated tokens, reasoning included"
)
DEVICE_SECONDS = Series("qwenq_device_seconds", "counter", ("model",), "Time that devices spent on documents")
GENERATION_SECONDS = Series(
    "qwenq_generation_seconds",
    "histogram",
    ("model",),
    "Time from a document's start on the device to the end of its answer",
)
BATCH_SIZE = Series(
    "qwenq_batch_size",
    "histogram",
    ("model",),
    "Documents on a device at once, averaged over ten seconds or less",
)

SERIES = (
    STORE_UP, READ_SECONDS, JOBS, DOCUMENTS, OPEN_DOCUMENTS, INCOMPLETE, POISON, WAITING_CHUNKS, WAITING_DOCUMENTS,
    OLDEST_SECONDS, WORKERS, WORKER_MEMORY, GPU_MEMORY, GPU_TOTAL, ATTEMPTS, RESCUES, GENERATED, PROMPT_TOKENS,
    PREFIX_TOKENS, PROMPT_CELLS, COMPLETION_TOKENS, DEVICE_SECONDS, GENERATION_SECONDS, BATCH_SIZE,
)  # fmt: skip
