"""Ways to answer a workload in one process: Transformers' own, and this engine.

Each is called with jobs and gives the new token ids of each, in the order of the jobs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

from benchmarks.engine_workload import Job, Workload
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Request
from qwenq.worker.engines.transformers.engine import TransformersEngine

Answers = list[list[int]]
Way = Callable[[Sequence[Job]], Answers]

TEXTBOOK_ROWS = 8
PAGE_TOKENS = 32
STEP_TOKENS = 512


def one_by_one(network: Any, jobs: Sequence[Job]) -> Answers:
    """Call `model.generate` for each document alone."""
    return [answer for job in jobs for answer in _generate(network, [job])]


def textbook(network: Any, jobs: Sequence[Job]) -> Answers:
    """Call `model.generate` for left-padded batches of 8, in the order of arrival."""
    batches = (jobs[start : start + TEXTBOOK_ROWS] for start in range(0, len(jobs), TEXTBOOK_ROWS))
    return [answer for batch in batches for answer in _generate(network, batch)]


def length_sorted(network: Any, jobs: Sequence[Job]) -> Answers:
    """Answer like `textbook`, with documents sorted by prompt length."""
    order = sorted(range(len(jobs)), key=lambda place: len(jobs[place].prompt))
    answers = textbook(network, [jobs[place] for place in order])
    return [answer for _, answer in sorted(zip(order, answers, strict=True))]


def _generate(network: Any, jobs: Sequence[Job]) -> Answers:
    longest = max(len(job.prompt) for job in jobs)
    pads = [longest - len(job.prompt) for job in jobs]
    ids = [[0] * pad + job.prompt for pad, job in zip(pads, jobs, strict=True)]
    mask = [[0] * pad + [1] * len(job.prompt) for pad, job in zip(pads, jobs, strict=True)]
    with torch.inference_mode():
        output = network.generate(
            torch.tensor(ids, device=network.device),
            attention_mask=torch.tensor(mask, device=network.device),
            do_sample=False,
            max_new_tokens=max(job.new_tokens for job in jobs),
            pad_token_id=0,
        )
    rows = output[:, longest:].tolist()
    return [row[: job.new_tokens] for row, job in zip(rows, jobs, strict=True)]


@contextmanager
def continuous_batching(network: Any, workload: Workload) -> Iterator[Way]:
    """Run Transformers' continuous batching, with a cache for the whole workload. Its thread waits between rounds.

    Small pages share the prompts' prefix, and steps of a few hundred tokens mix prefill with decode. On two cores these
    settings took the least processor time of those tried. On CUDA Transformers decides.
    """
    config = ContinuousBatchingConfig()
    if network.device.type == "cpu":
        rows = len(workload.jobs)
        config = ContinuousBatchingConfig(
            page_size=PAGE_TOKENS,
            num_blocks=(workload.prompt_tokens + workload.new_tokens) // PAGE_TOKENS + rows,
            max_batch_tokens=STEP_TOKENS,
            max_requests_per_batch=rows,
        )
    generation: Any = GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0)  # type: ignore[no-untyped-call]
    with network.continuous_batching_context_manager(
        generation, continuous_batching_config=config
    ) as manager:
        yield lambda jobs: _through(manager, jobs)


def _through(manager: Any, jobs: Sequence[Job]) -> Answers:
    # Sorted like in Transformers' own `generate_batch`, so that neighbours share more of the cache.
    places = sorted(range(len(jobs)), key=lambda place: jobs[place].prompt, reverse=True)
    waiting: dict[str, int] = {}
    for place in places:
        job = jobs[place]
        waiting[manager.add_request(job.prompt, max_new_tokens=job.new_tokens)] = place
    answers: Answers = [[] for _ in jobs]
    while waiting:
        result = manager.get_result(timeout=1)
        if result is None and manager.is_running():
            continue
        if result is None or result.error is not None:
            raise SystemExit(f"continuous batching failed: {result and result.error}")
        if result.is_finished():
            answers[waiting.pop(result.request_id)] = list(result.generated_tokens)
    return answers


def with_engine(engine: TransformersEngine, jobs: Sequence[Job]) -> Answers:
    """Answer the documents with qwenq's engine, from text to text. A word is a token."""
    answers: Answers = [[] for _ in jobs]
    for completion in engine.generate(request_of(place, job) for place, job in enumerate(jobs)):
        if completion.failure is not None:
            raise SystemExit(f"the engine failed: {completion.failure}")
        answers[completion.key] = [int(word) for word in completion.text.split()]
    return answers


def request_of(place: int, job: Job) -> Request:
    """Make the request that a worker would make."""
    messages = (Message("user", " ".join(map(str, job.prompt))),)
    return Request(
        place, Prompt(messages, 0, lambda _: messages), GenerationParams(max_new_tokens=job.new_tokens)
    )
