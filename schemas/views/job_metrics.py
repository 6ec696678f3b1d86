"""A job's metrics: response times, device work, memory."""

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.states import JobState


class ResponseSeconds(BaseModel):
    """Seconds from a document's entering the engine to the end of its answer, over `answers` generated ones."""

    model_config = ConfigDict(frozen=True)

    answers: int
    average: float
    p50: float
    p95: float


class DeviceWork(BaseModel):
    """The sums of a job's batches. Seconds, tokens and bytes; a ratio is None when it would divide by 0.

    `prompt_tokens` include the `prefix_tokens`, which were not computed anew: `prefix_reuse` is their share.
    `padding_waste` is cells of padding for each cell of a prompt. `together` is the average number of documents on
    the device at once. Memory is the highest seen, of a working process and of its GPU.
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
    """A job's metrics so far. `tokens_per_second` is the job's; the one of `device` leaves out all waiting."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    state: JobState
    model: str
    tokens_per_second: float | None
    response_seconds: ResponseSeconds | None
    device: DeviceWork | None
