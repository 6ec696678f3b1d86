"""Measure the engine against `model.generate`, on one workload in one sitting.

24 prompts of 200 to 620 tokens that share a 120-token prefix, 8 to 128 new tokens each, greedy, a
random-weight Qwen3 of 60 M parameters in bfloat16. Only ratios within one run mean anything: machines
differ, and so do their moods. Exits with 1 where the engine is under the bar.

    python -m benchmarks.generation [--rounds 2] [--json]
"""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
    __version__,
)

from schemas.generation import GenerationParams
from schemas.prompts import Message, Prompt
from schemas.requests import BatchMetrics, EngineHooks, Request
from worker.engine.options import EngineOptions
from worker.engine.transformers_engine import TransformersEngine

BAR = 1.9
DOCUMENTS = 24
TEXTBOOK_ROWS = 8
VOCABULARY = 32_000
PREFIX_TOKENS = 120


@dataclass(frozen=True)
class Job:
    """One document of the workload: its prompt as token ids, and how many new tokens it gets."""

    prompt: list[int]
    new_tokens: int


@dataclass(frozen=True)
class Measured:
    """One way of generating, and its new tokens a second."""

    way: str
    seconds: float
    tokens_per_second: float
    ratio: float


def make_workload() -> list[Job]:
    """Draw the same 24 documents every time."""
    draw = random.Random(24)
    prefix = [draw.randrange(VOCABULARY) for _ in range(PREFIX_TOKENS)]
    return [
        Job(
            prompt=prefix
            + [draw.randrange(VOCABULARY) for _ in range(draw.randint(200, 620) - PREFIX_TOKENS)],
            new_tokens=int(8 + 121 * draw.random() ** 2),  # most answers are short
        )
        for _ in range(DOCUMENTS)
    ]


def save_model(folder: Path) -> None:
    """Save the 60 M-parameter model, and a tokenizer whose words are `0`, `1`, `2` and so on."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=512,
        intermediate_size=1536,
        num_hidden_layers=12,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        eos_token_id=None,  # every way generates exactly as many tokens as asked for
    )
    Qwen3ForCausalLM(config).bfloat16().save_pretrained(folder)
    words = Tokenizer(models.WordLevel({str(i): i for i in range(VOCABULARY)}, unk_token="0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)


def one_by_one(network: Any, jobs: list[Job]) -> None:
    """Call `model.generate` for each document alone."""
    for job in jobs:
        ids = torch.tensor([job.prompt])
        _generate(network, ids, torch.ones_like(ids), job.new_tokens)


def textbook(network: Any, jobs: list[Job]) -> None:
    """Call `model.generate` for left-padded batches of 8, in the order of arrival."""
    for start in range(0, len(jobs), TEXTBOOK_ROWS):
        batch = jobs[start : start + TEXTBOOK_ROWS]
        longest = max(len(job.prompt) for job in batch)
        pads = [longest - len(job.prompt) for job in batch]
        ids = torch.tensor([[0] * pad + job.prompt for pad, job in zip(pads, batch, strict=True)])
        mask = torch.tensor([[0] * pad + [1] * len(job.prompt) for pad, job in zip(pads, batch, strict=True)])
        _generate(network, ids, mask, max(job.new_tokens for job in batch))


def _generate(network: Any, ids: torch.Tensor, mask: torch.Tensor, new: int) -> None:
    network.generate(ids, attention_mask=mask, do_sample=False, max_new_tokens=new, pad_token_id=0)


def with_engine(engine: TransformersEngine, jobs: list[Job]) -> None:
    """Answer the documents with qwenq's engine, from text to text."""
    answered = sum(completion.usage.completion_tokens for completion in engine.generate(map(_request, jobs)))
    if answered != total_tokens(jobs):
        raise SystemExit(f"the engine gave {answered} tokens, not {total_tokens(jobs)}")


def _request(job: Job) -> Request:
    messages = (Message("user", " ".join(map(str, job.prompt))),)
    prompt = Prompt(messages, 0, lambda _: messages)
    return Request(0, prompt, GenerationParams(max_new_tokens=job.new_tokens))


def total_tokens(jobs: list[Job]) -> int:
    """Count the new tokens of the whole workload."""
    return sum(job.new_tokens for job in jobs)


def measure(folder: Path, rounds: int, batches: list[BatchMetrics]) -> list[Measured]:
    """Run each way over the workload in turn, `rounds` times, and take the fastest of each.

    Interference only ever slows a run down, so the fastest is the one that tells most.
    """
    jobs = make_workload()
    hooks = EngineHooks(on_step=lambda: None, on_batch=batches.append)
    engine = TransformersEngine(str(folder), EngineOptions("cpu", "bfloat16"), hooks)
    engine.load()
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    ways: dict[str, Callable[[list[Job]], None]] = {
        "generate, one by one": lambda jobs: one_by_one(network, jobs),
        "generate, padded batches of 8": lambda jobs: textbook(network, jobs),
        "qwenq's engine": lambda jobs: with_engine(engine, jobs),
    }
    for way in ways.values():
        way([Job(job.prompt, 2) for job in jobs[:2]])  # the first call is never like the others
    batches.clear()
    seconds = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            way(jobs)
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    alone = seconds["generate, one by one"]
    return [
        Measured(name, spent, total_tokens(jobs) / spent, alone / spent) for name, spent in seconds.items()
    ]


def conditions() -> dict[str, str | int]:
    """Say what the figures depend on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": __version__,
        "machine": platform.machine(),
        "documents": DOCUMENTS,
        "new_tokens": total_tokens(make_workload()),
        "prompt_tokens": sum(len(job.prompt) for job in make_workload()),
    }


def print_table(measured: list[Measured], batches: list[BatchMetrics]) -> None:
    """Print the ways, the engine's batches, and the conditions."""
    print(f"{'way':32}{'seconds':>9}{'new tokens/s':>14}{'ratio':>8}")
    for row in measured:
        print(f"{row.way:32}{row.seconds:>9.1f}{row.tokens_per_second:>14.1f}{row.ratio:>8.2f}")
    for batch in batches:
        print(
            f"  a batch of {batch.rows}: {batch.prompt_tokens} prompt tokens in {batch.padded_tokens} "
            f"cells, {batch.new_tokens} new tokens in {batch.seconds:.1f} s"
        )
    print(", ".join(f"{name} {value}" for name, value in conditions().items()))


def main() -> int:
    """Measure, tell, and give the exit code."""
    parser = argparse.ArgumentParser(description="measure the engine against model.generate")
    parser.add_argument("--rounds", type=int, default=2, help="take the fastest of so many runs")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    batches: list[BatchMetrics] = []
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder))
        measured = measure(Path(folder), arguments.rounds, batches)
    if arguments.json:
        print(json.dumps({"ways": [asdict(row) for row in measured], "conditions": conditions(), "bar": BAR}))
    else:
        print_table(measured, batches)
    return 0 if measured[-1].ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
