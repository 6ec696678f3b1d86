"""Measure the engine against its peers: same model, same prompts, same lengths, in turns, in one process tree.

Peers are `model.generate` one by one, in padded batches of 8 and in such batches sorted by length, Transformers'
continuous batching, and vLLM if an interpreter has it. Each round draws new prompts of the same lengths, and each way
answers them; ratios are taken within a round. The first round warms up and does not count. Bars exist for the shape 60m
on a CPU with all of its documents; other runs only print figures.

    python -m benchmarks.engine [--json] [--vllm-python PATH] [--device cpu|cuda] [--shape 60m|0.6b|8b] [--rounds N]
                                [--no-cuda-graphs]
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHAPE_NAMES = ("60m", "0.6b", "8b")
SKIPPABLE = ("one-by-one", "textbook", "sorted", "continuous")


def options() -> argparse.ArgumentParser:
    """Define the options."""
    parser = argparse.ArgumentParser(description="measure the engine against its peers")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--vllm-python", type=Path, help="an interpreter that has vLLM")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--shape", choices=SHAPE_NAMES, default="60m", help="shape of the Qwen3 with random weights"
    )
    parser.add_argument(
        "--cuda-graphs",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="let the engine replay decode steps, if a trial succeeds",
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count")
    parser.add_argument("--documents", type=int, help="instead of the shape's own number")
    parser.add_argument(
        "--short-documents", type=int, default=2000, help="documents that share a prompt; 0 for none"
    )
    parser.add_argument("--skip", action="append", choices=SKIPPABLE, default=[], help="leave a way out")
    parser.add_argument(
        "--check",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="compare a few answers with generate's in float32 first",
    )
    return parser


def main() -> int:
    """Measure, print the result, and return the exit code."""
    if not __package__:  # run by its path
        sys.path.insert(0, str(Path(__file__).parent.parent))
    arguments = options().parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    _restart_with_worker_environment()
    from transformers.utils import logging

    from benchmarks.engine_run import EngineRun, run
    from benchmarks.engine_table import tell

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]

    result = run(
        EngineRun(
            shape=arguments.shape,
            device=arguments.device,
            cuda_graphs=arguments.cuda_graphs,
            documents=arguments.documents,
            short_documents=arguments.short_documents,
            rounds=arguments.rounds,
            skipped=frozenset(arguments.skip),
            vllm_python=arguments.vllm_python,
            check=arguments.check,
        )
    )
    return tell(result, as_json=arguments.json)


def _restart_with_worker_environment() -> None:
    """Restart with a worker's environment, which a process reads at its start. All ways share it."""
    from qwenq.worker.parent.environment import ENVIRONMENT, prepare_environment

    if any(name not in os.environ for name in ENVIRONMENT):
        prepare_environment()
        # It keeps the working folder out of the module path, and this benchmark lies there.
        os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))).rstrip(
            os.pathsep
        )
        os.execv(sys.executable, sys.orig_argv)


if __name__ == "__main__":
    sys.exit(main())
