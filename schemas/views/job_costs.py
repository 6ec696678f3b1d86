"""What a job took: sizes and times of its answers, and the time of devices."""

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.measures.histograms import Histogram


class Distributions(BaseModel):
    """Answers that were generated for a job, by size and time; reused ones are left out, since they took nothing.

    `seconds` are those from entering the engine to the answer's end. `cut_off` answers ended at the limit.
    """

    model_config = ConfigDict(frozen=True)

    prompt_tokens: Histogram = Histogram()
    answer_tokens: Histogram = Histogram()
    seconds: Histogram = Histogram()
    cut_off: int = 0


class DeviceTime(BaseModel):
    """How long devices of one kind generated for a job; `workers` are how many took part."""

    model_config = ConfigDict(frozen=True)

    device: str
    workers: int
    seconds: float
