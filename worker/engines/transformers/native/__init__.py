"""C kernels for what PyTorch's operations do badly on a CPU. Each is compiled on first use, for this processor."""

import ctypes
import logging
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

_log = logging.getLogger("qwenq.engine")

FOLDER = Path(__file__).parent
# Sums may be reordered; NaN stays NaN.
FLAGS = (
    *("-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"),
    *("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno"),
)
MOST_SECONDS = 60
NUMBERS = {torch.bfloat16: {"BFLOAT16": 1}, torch.float32: {"FLOAT32": 1}}


def compile_kernel(name: str, definitions: Mapping[str, int]) -> ctypes.CDLL | None:
    """Compile and load `name`.c with the compiler in CC, else `cc`; None if that fails.

    It takes under a second, so no other process reuses it. OpenMP's threads are those of PyTorch.
    """
    defined = tuple(f"-D{key}={value}" for key, value in definitions.items())
    return _compiled(os.environ.get("CC", "cc"), name, defined)


@cache
def _compiled(compiler: str, name: str, defined: tuple[str, ...]) -> ctypes.CDLL | None:
    with tempfile.TemporaryDirectory(prefix="qwenq-") as folder:
        library = Path(folder, f"{name}.so")
        source = FOLDER / f"{name}.c"
        command = [*shlex.split(compiler), *FLAGS, *defined, str(source), "-o", str(library), "-lm"]
        try:
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=MOST_SECONDS)
            return ctypes.CDLL(str(library))
        except (OSError, subprocess.SubprocessError) as error:
            words = getattr(error, "stderr", None) or str(error)
            _log.info("PyTorch computes %s, because the C compiler failed: %s", name, words.strip()[:300])
            return None
