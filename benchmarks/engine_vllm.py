"""vLLM as a peer of the engine benchmark: a child process that sleeps between rounds."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.engine_workload import Job, Workload

CHILD = Path(__file__).with_name("vllm_child.py")
LAST_LINES = 20
STOP_SECONDS = 60.0
CACHE_GIB = 4
# vLLM's default page of 128 tokens on a CPU is longer than the shared prefix.
PAGE_TOKENS = 32
GPU_SHARE = 0.35  # the other ways hold the model too

ANSWERS_ONLY = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}


class VllmPeer:
    """A running child, with the model loaded."""

    def __init__(self, process: subprocess.Popen[str], log: Path, arguments: dict[str, Any]) -> None:
        self._process = process
        self._log = log
        self.version = str(self._ask(arguments)["vllm"])
        self.cached_tokens = 0

    def seconds(self, jobs: Sequence[Job]) -> float:
        """Answer a round. Returns vLLM's own seconds of generation."""
        told = self._ask([[job.prompt, job.new_tokens] for job in jobs])
        expected = sum(job.new_tokens for job in jobs)
        if told["new_tokens"] != expected:
            raise SystemExit(f"vLLM gave {told['new_tokens']} tokens, not {expected}")
        self.cached_tokens = int(told["cached_tokens"])
        return float(told["seconds"])

    def _ask(self, question: Any) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            lines = self._log.read_text("utf-8", errors="replace").splitlines()
            raise SystemExit("\n".join(["vLLM ended; its last lines:", *lines[-LAST_LINES:]]))
        told: dict[str, Any] = json.loads(answer)
        return told


@contextmanager
def running_vllm(
    python: Path, model: Path, workload: Workload, device: str, threads: int
) -> Iterator[VllmPeer]:
    """Start vLLM with the interpreter `python` and as many threads as the other ways."""
    longest = max(len(job.prompt) + job.new_tokens for job in workload.jobs)
    arguments: dict[str, Any] = {
        "model": str(model),
        "dtype": "bfloat16",
        "enable_prefix_caching": True,
        "max_model_len": longest,
        "max_num_seqs": len(workload.jobs),
        "disable_log_stats": True,
        **({"block_size": PAGE_TOKENS} if device == "cpu" else {"gpu_memory_utilization": GPU_SHARE}),
    }
    log = model / "vllm.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [str(python), str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **ANSWERS_ONLY, **(_on_cores(python, threads) if device == "cpu" else {})},
        )
        try:
            yield VllmPeer(process, log, arguments)
        finally:
            _end(process)


def _on_cores(python: Path, threads: int) -> dict[str, str]:
    """Set what makes vLLM fastest on few cores: one process, with PyTorch's OpenMP.

    Several vLLM processes would compete for the same cores, and poll while they wait.
    """
    environment = {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_CPU_KVCACHE_SPACE": str(CACHE_GIB),
        "OMP_NUM_THREADS": str(threads),
    }
    openmp = next(python.parent.parent.glob("lib/python*/site-packages/torch/lib/libgomp*.so*"), None)
    return environment | ({"LD_PRELOAD": str(openmp)} if openmp else {})


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.communicate(timeout=STOP_SECONDS)
    except (subprocess.TimeoutExpired, BrokenPipeError):
        process.kill()
        process.wait()
