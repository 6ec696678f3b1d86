"""Checks before measuring that in float32 the engine answers like `model.generate` on each document alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from benchmarks.engine_ways import with_engine
from benchmarks.engine_workload import Job
from qwenq.schemas.requests import EngineHooks
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine

NEAR_TIE = 1e-4  # between two logits: rounding may decide


def check_equality(folder: Path, device: str, jobs: Sequence[Job]) -> int:
    """Compare the token ids. Returns how many answers differ at a near tie; exits where one differs otherwise."""
    hooks = EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
    engine = TransformersEngine(str(folder), EngineOptions(device, "float32"), hooks)
    engine.load()
    answers = with_engine(engine, jobs)
    del engine  # the next model may need its memory
    network: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    network.to(device)
    return sum(
        _differs(network, place, job, answer)
        for place, (job, answer) in enumerate(zip(jobs, answers, strict=True))
    )


def _differs(network: Any, place: int, job: Job, answer: list[int]) -> bool:
    ids = torch.tensor([job.prompt], device=network.device)
    with torch.inference_mode():
        output = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=job.new_tokens,
            pad_token_id=0,
            output_logits=True,
            return_dict_in_generate=True,
        )
    alone = output.sequences[0, len(job.prompt) :].tolist()
    if answer == alone:
        return False
    pairs = list(zip(answer, alone, strict=False))
    first = next((step for step, (ours, its) in enumerate(pairs) if ours != its), len(pairs))
    if first < len(pairs):
        ours, its = pairs[first]
        logits = output.logits[first][0]
        if float(logits[its] - logits[ours]) < NEAR_TIE:
            return True
    raise SystemExit(f"document {place}: the engine's answer differs from generate's at token {first}")
