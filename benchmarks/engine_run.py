"""One run of the engine benchmark: load all ways, measure them in turns, and collect the results."""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers

from benchmarks import engine_ways
from benchmarks.engine_check import check_equality
from benchmarks.engine_floor import costs_of, floor_seconds
from benchmarks.engine_shapes import DTYPE, SHAPES, make_network, save_checkpoint
from benchmarks.engine_table import ENGINE, Result, rows_of
from benchmarks.engine_vllm import running_vllm
from benchmarks.engine_ways import Way
from benchmarks.engine_workload import Job, Workload, mixed_workload, short_workload
from benchmarks.machine import measure_ceilings
from qwenq.schemas.requests import BatchMetrics, EngineHooks
from qwenq.worker.engines.cores import usable_cores
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine

CHECKED_DOCUMENTS = 6
PADDING_BAR = 0.10
PREFILL_BAR = 1.1

Timing = Callable[[Sequence[Job]], float]


@dataclass(frozen=True)
class EngineRun:
    """What to measure. Without `documents` the shape decides the number."""

    shape: str
    device: str
    cuda_graphs: bool
    documents: int | None
    short_documents: int
    rounds: int
    skipped: frozenset[str]
    vllm_python: Path | None
    check: bool

    @property
    def judged(self) -> bool:
        """Whether bars apply to this run."""
        return self.shape == "60m" and self.device == "cpu" and self.documents is None

    def workload(self, draw: int) -> Workload:
        """Make the documents of one round."""
        shape = SHAPES[self.shape]
        return mixed_workload(self.documents or shape.documents, shape.vocabulary, draw)


def run(chosen: EngineRun) -> Result:
    """Measure. Exits if any answers are wrong."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(usable_cores())
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        network = make_network(SHAPES[chosen.shape], chosen.device)
        save_checkpoint(network, folder)
        compared = _checked(chosen, folder)
        batches: list[BatchMetrics] = []
        engine = _load_engine(chosen, folder, batches)
        ways, versions = stack.enter_context(_ways(chosen, network, engine, folder))
        costs = costs_of(network)
        ceilings = measure_ceilings(chosen.device, costs.weight_bytes)
        seconds = _take_turns(ways, chosen, batches)
        workload = chosen.workload(1)
        load = f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after"
        result = Result(
            rows_of(seconds, workload.new_tokens),
            {
                **_conditions(chosen, network),
                "ours": str(engine.describe()),
                **versions,
                **compared,
                "load": load,
            },
            chosen.judged,
        )
        _tell_batches(result, batches, workload, chosen.rounds)
        floor = floor_seconds(costs, workload, ceilings)
        result.add("bfloat16 matrix operations", ceilings.operations / 1e9, "billions a second")
        result.add("memory read", ceilings.bytes / 1e9, "GB/s")
        result.add("floor of the workload", floor, "seconds")
        result.add("floor, as a part of the engine's seconds", floor / median(seconds[ENGINE]), "")
        if chosen.short_documents:
            _tell_short(result, chosen, engine, batches)
    return result


def _checked(chosen: EngineRun, folder: Path) -> dict[str, str]:
    if not chosen.check:
        return {"equality": "not checked"}
    jobs = chosen.workload(0).jobs[:CHECKED_DOCUMENTS]
    ties = check_equality(folder, chosen.device, jobs)
    return {"equality": f"{len(jobs)} answers checked in float32, {ties} near ties"}


def _load_engine(chosen: EngineRun, folder: Path, batches: list[BatchMetrics]) -> TransformersEngine:
    hooks = EngineHooks(on_step=lambda: None, on_batch=batches.append)
    options = EngineOptions(chosen.device, "bfloat16", cuda_graphs=chosen.cuda_graphs)
    engine = TransformersEngine(str(folder), options, hooks)
    engine.load()
    return engine


@contextmanager
def _ways(
    chosen: EngineRun, network: Any, engine: TransformersEngine, folder: Path
) -> Iterator[tuple[dict[str, Timing], dict[str, str]]]:
    """Prepare every chosen way, with its versions."""
    workload = chosen.workload(0)
    ways: dict[str, Timing] = {}
    versions: dict[str, str] = {}
    baselines: dict[str, Way] = {
        "one-by-one": lambda jobs: engine_ways.one_by_one(network, jobs),
        "textbook": lambda jobs: engine_ways.textbook(network, jobs),
        "sorted": lambda jobs: engine_ways.length_sorted(network, jobs),
    }
    with ExitStack() as stack:
        ways.update(
            {name: _timed(name, way) for name, way in baselines.items() if name not in chosen.skipped}
        )
        if "continuous" not in chosen.skipped:
            continuous = stack.enter_context(engine_ways.continuous_batching(network, workload))
            ways["continuous"] = _timed("continuous", continuous)
        if chosen.vllm_python:
            threads = torch.get_num_threads()
            vllm = running_vllm(chosen.vllm_python, folder, workload, chosen.device, threads)
            peer = stack.enter_context(vllm)
            ways["vllm"] = peer.seconds
            versions["vllm"] = peer.version
        ways[ENGINE] = _timed(ENGINE, lambda jobs: engine_ways.with_engine(engine, jobs))
        yield ways, versions


def _timed(name: str, way: Way) -> Timing:
    def seconds(jobs: Sequence[Job]) -> float:
        started = time.perf_counter()
        answers = way(jobs)
        spent = time.perf_counter() - started
        if [len(answer) for answer in answers] != [job.new_tokens for job in jobs]:
            raise SystemExit(f"{name}: the answers do not have the requested lengths")
        return spent

    return seconds


def _take_turns(
    ways: Mapping[str, Timing], chosen: EngineRun, batches: list[BatchMetrics]
) -> dict[str, list[float]]:
    """Measure each way's seconds in each round. The first round is dropped: first calls are slower."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for draw in range(chosen.rounds + 1):
        jobs = chosen.workload(draw).jobs
        for way, timing in ways.items():
            spent = timing(jobs)
            if draw > 0:
                seconds[way].append(spent)
        if draw == 0:
            batches.clear()
    return seconds


def _tell_batches(result: Result, batches: list[BatchMetrics], workload: Workload, rounds: int) -> None:
    computed = sum(batch.prompt_tokens for batch in batches)
    padded = sum(batch.padded_tokens for batch in batches)
    reused = sum(batch.prefix_tokens for batch in batches) / rounds
    shared = workload.prompt_tokens - workload.differing_tokens
    result.add("padding waste of the engine", padded / computed - 1, "", at_most=PADDING_BAR)
    result.add("prompt tokens reused by the engine", reused, f"of {shared:,} that repeat")


def _tell_short(
    result: Result, chosen: EngineRun, engine: TransformersEngine, batches: list[BatchMetrics]
) -> None:
    """Report the prefill, with padding, of short documents behind one long prompt."""
    batches.clear()
    workload = short_workload(chosen.short_documents, SHAPES[chosen.shape].vocabulary, 0)
    spent = _timed(ENGINE, lambda jobs: engine_ways.with_engine(engine, jobs))(workload.jobs)
    what = f"{chosen.short_documents:,} short documents, one prompt"
    computed = sum(batch.padded_tokens for batch in batches) / workload.differing_tokens
    result.add(f"{what}: prefill computed", computed, "times what differs", at_most=PREFILL_BAR)
    result.add(f"{what}: the engine", spent, "seconds")


def _conditions(chosen: EngineRun, network: Any) -> dict[str, str | int]:
    workload = chosen.workload(0)
    device = torch.cuda.get_device_name() if chosen.device == "cuda" else f"cpu {platform.machine()}"
    return {
        "model": f"Qwen3 of {network.num_parameters() / 1e6:,.0f} M parameters, random weights",
        "dtype": str(DTYPE).removeprefix("torch."),
        "documents": len(workload.jobs),
        "prompt tokens": workload.prompt_tokens,
        "shared": workload.prefix_tokens,
        "new tokens": workload.new_tokens,
        "rounds": chosen.rounds,
        "device": device,
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
