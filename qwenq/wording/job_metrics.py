"""How `qwenq metrics` words what a job took."""

from collections.abc import Iterator

from qwenq.schemas.views.job_metrics import DeviceWork, JobMetrics, ResponseSeconds
from qwenq.wording.numbers import counted, number, percent, precise_duration, size
from qwenq.wording.output import show

NOTHING_YET = "nothing was generated yet"


def show_metrics(job: JobMetrics) -> None:
    """Print what a job took on stdout, a fact a line."""
    facts = {"job": f"{job.id} ({job.name})", "state": job.state, "model": job.model}
    for name, fact in (*facts.items(), *_response(job.response_seconds), *_device(job)):
        show(f"{name:13} {fact}")


def _response(seconds: ResponseSeconds | None) -> Iterator[tuple[str, str]]:
    if seconds is None:
        yield "response time", NOTHING_YET
        return
    average, p50, p95 = map(precise_duration, (seconds.average, seconds.p50, seconds.p95))
    yield (
        "response time",
        f"{average} on average, p50 {p50}, p95 {p95}; of {counted(seconds.answers, 'answer')}",
    )


def _device(job: JobMetrics) -> Iterator[tuple[str, str]]:
    work = job.device
    if work is None:
        return
    yield (
        "speed",
        f"{number(job.tokens_per_second)} tokens/s; {number(work.tokens_per_second)} while a device worked",
    )
    yield (
        "device",
        f"{precise_duration(work.seconds)} of work, {number(work.together)} documents at once on average",
    )
    yield "tokens", f"{number(work.prompt_tokens)} in, {number(work.completion_tokens)} out"
    yield "padding", f"{percent(work.padding_waste)} of the prompts' tokens, computed for nothing beside them"
    yield "prefix reuse", f"{percent(work.prefix_reuse)} of the tokens in"
    yield "memory", _memory(work)


def _memory(work: DeviceWork) -> str:
    gpu = f", {size(work.gpu_peak_bytes)} on the GPU" if work.gpu_peak_bytes else ""
    return f"{size(work.resident_bytes)}{gpu}, at the most"
