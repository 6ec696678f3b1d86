"""Decides whether decode steps are replayed as CUDA graphs: if the model allows it and a trial succeeds."""

import logging
import subprocess
import sys
import time

from transformers import PreTrainedModel

from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.dense.cuda_recorder import CudaRecorder
from qwenq.worker.engines.transformers.dense.forward import has_torch_weights, is_written_out
from qwenq.worker.engines.transformers.dense.graph_trial import Trial
from qwenq.worker.engines.transformers.dense.recording import Record

_log = logging.getLogger("qwenq.engine")

MOST_SECONDS = 180  # for a trial: importing PyTorch from a slow disk takes most of them
LONGEST_REASON = 300


def choose_recorder(network: PreTrainedModel, options: EngineOptions) -> Record | None:
    """Return the recorder of decode steps; None if there are no graphs, and the log says why."""
    if network.device.type != "cuda":
        return None
    started = time.monotonic()
    reason = _reason_against(network, options)
    if reason is not None:
        _log.info("decode steps are not replayed as CUDA graphs: %s", reason)
        return None
    _log.info("CUDA graphs were tried in %.1f s", time.monotonic() - started)
    return CudaRecorder(network.device)


def _reason_against(network: PreTrainedModel, options: EngineOptions) -> str | None:
    if not options.cuda_graphs:
        return "QWENQ_CUDA_GRAPHS is off"
    if not is_written_out(network):
        return f"the pass through a {type(network).__name__} is not written out"
    if not has_torch_weights(network):
        return "its weights are quantized"
    return try_out(Trial.of(network))


def try_out(trial: Trial) -> str | None:
    """Run a trial in a child process. Returns what is wrong; None if nothing is."""
    command = [sys.executable, "-P", "-m", "qwenq.worker.engines.transformers.dense.graph_trial"]
    try:
        ended = subprocess.run(
            command, input=trial.as_json(), capture_output=True, text=True, check=False, timeout=MOST_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    if ended.returncode == 0:
        return None
    lines = [line.strip() for line in ended.stderr.splitlines() if line.strip()]
    return lines[-1][:LONGEST_REASON] if lines else f"the trial ended with {ended.returncode}"
