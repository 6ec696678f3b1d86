"""What a job took: its answers' time, its device's work, memory."""

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.states import JobState


class ResponseSeconds(BaseModel):
    """From a document's entering the device to its answer's end, over `answers` that were generated."""

    model_config = ConfigDict(frozen=True)

    answers: int
    average: float
    p50: float
    p95: float


class DeviceWork(BaseModel):
    """What a job's batches add up to. Seconds, tokens and bytes; a ratio is None where there is nothing to divide by.

    `prompt_tokens` include the `prefix_tokens`, which were not computed anew: `prefix_reuse` is their share.
    `padding_waste` is cells of padding for each cell of a prompt. `together` is how many documents were on the device
    at once. The memory is the highest that was seen: of a worker's process, and of its GPU.
    """

    model_config = ConfigDict(frozen=True)

    batches: int
    seconds: float
    prompt_tokens: int
    prefix_tokens: int
    completion_tokens: int
    tokens_per_second: float | None
    padding_waste: float | None
    prefix_reuse: float | None
    together: float | None
    resident_bytes: int
    gpu_peak_bytes: int


class JobMetrics(BaseModel):
    """What a job took so far. `tokens_per_second` is that of the job; that of `device` leaves out all waiting."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    state: JobState
    model: str
    tokens_per_second: float | None
    response_seconds: ResponseSeconds | None
    device: DeviceWork | None
