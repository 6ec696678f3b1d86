"""What a report tells: the numbers of one job, as `--json` gives them and as its page shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobStatus, Priority, PromptSpec
from qwenq.schemas.results import FinishReason
from qwenq.schemas.views.job_costs import DeviceTime, Distributions
from qwenq.schemas.views.job_pages import CutText, FailureGroup
from qwenq.schemas.views.progress import Progress

_FROZEN = ConfigDict(frozen=True)
MOST_SAMPLES = 100


class ReportOptions(BaseModel):
    """What a person chooses. `samples` 0, or `show_text` false, leaves out all that documents and prompts say.

    The price is that of an hour of one device, in `currency`.
    """

    model_config = _FROZEN

    samples: Annotated[int, Field(ge=0, le=MOST_SAMPLES)] = 5
    show_text: bool = True
    gpu_hour_price: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    currency: str = "USD"

    @property
    def with_text(self) -> bool:
        """Whether any text of documents and prompts is shown."""
        return self.show_text and self.samples > 0


class Asked(BaseModel):
    """What was asked for. `prompt` is None where text is not shown; of many sources, only the first are named."""

    model_config = _FROZEN

    prompt: PromptSpec | None
    params: GenerationParams
    priority: Priority
    reuse: bool
    submitter: str | None
    sources: tuple[str, ...]
    source_count: int


class Cost(BaseModel):
    """What the devices' time costs at a price; `per_thousand` is for as many documents that were answered."""

    model_config = _FROZEN

    gpu_hour_price: float
    currency: str
    amount: float
    per_thousand: float | None


class Sample(BaseModel):
    """A document and its answer, or the beginnings of them."""

    model_config = _FROZEN

    custom_id: str
    document: CutText
    answer: CutText
    finish_reason: FinishReason
    completion_tokens: int
    reused: bool


class Section(BaseModel):
    """More to tell of a job, by who knows of it: facts by name, under a title. A run says so what has changed."""

    model_config = _FROZEN

    title: str
    facts: dict[str, str]
    note: str = ""


class Report(BaseModel):
    """One job as it stood at a moment. Times are UTC; `device_seconds` are those of `devices` together."""

    model_config = _FROZEN

    made_at: datetime
    job: JobStatus
    asked: Asked
    failures: tuple[FailureGroup, ...]
    devices: tuple[DeviceTime, ...]
    device_seconds: float
    cost: Cost | None
    distributions: Distributions
    progress: Progress
    samples: tuple[Sample, ...]
    sections: tuple[Section, ...] = ()
