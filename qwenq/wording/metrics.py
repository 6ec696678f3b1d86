"""How `qwenq metrics` speaks to people."""

from collections.abc import Iterator

import click

from qwenq.schemas.views.job_metrics import DeviceWork, JobMetrics, ResponseSeconds

NOTHING_YET = "nothing was generated yet"
_GIB = 1024**3


def show_metrics(job: JobMetrics) -> None:
    """What a job took, on stdout, a fact a line."""
    facts = {"job": f"{job.id} ({job.name})", "state": job.state, "model": job.model}
    for name, fact in (*facts.items(), *_response(job.response_seconds), *_device(job)):
        click.echo(f"{name:13} {fact}")


def _response(seconds: ResponseSeconds | None) -> Iterator[tuple[str, str]]:
    if seconds is None:
        yield "response time", NOTHING_YET
        return
    yield (
        "response time",
        (
            f"{_seconds(seconds.average)} on average, p50 {_seconds(seconds.p50)}, p95 {_seconds(seconds.p95)}; "
            f"of {seconds.answers:,} answers"
        ),
    )


def _device(job: JobMetrics) -> Iterator[tuple[str, str]]:
    work = job.device
    if work is None:
        return
    yield (
        "speed",
        f"{_number(job.tokens_per_second)} tokens/s; {_number(work.tokens_per_second)} while a device worked",
    )
    yield "device", f"{_seconds(work.seconds)} of work, {_number(work.together)} documents at once"
    yield "tokens", f"{work.prompt_tokens:,} in, {work.completion_tokens:,} out"
    yield "padding", f"{_percent(work.padding_waste)} more cells than prompts have tokens"
    yield "prefix reuse", f"{_percent(work.prefix_reuse)} of the tokens in"
    yield "memory", _memory(work)


def _memory(work: DeviceWork) -> str:
    gpu = f", {work.gpu_peak_bytes / _GIB:,.1f} GiB on the GPU" if work.gpu_peak_bytes else ""
    return f"{work.resident_bytes / _GIB:,.1f} GiB{gpu}, at the most"


def _seconds(value: float) -> str:
    return f"{value:,.1f} s" if value >= 1 else f"{value * 1_000:,.1f} ms"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"
