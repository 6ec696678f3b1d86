"""Tries in a process of its own whether the engine's libraries can be loaded here, and whether a device can be used.

python -m qwenq.worker.engines.transformers.loading.trial DEVICE DTYPE prints a JSON object: `slow`, `invalid` or
`broken`, with the reason.
"""

import json
import subprocess
import sys

from qwenq.schemas.errors import EngineBroken, InvalidSetting
from qwenq.schemas.settings import Dtype
from qwenq.worker.start_errors import last_words, start_reason, with_advice

MOST_SECONDS = 120.0


def try_engine(device: str, dtype: Dtype) -> str | None:
    """Say why device and number format would be slow; None if they would not. Takes some seconds.

    Raises InvalidSetting if they cannot be used here, EngineBroken if the libraries cannot.
    """
    # -P: a signal.py in the working folder is not what it imports.
    command = [sys.executable, "-P", "-m", __name__, device, dtype]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise EngineBroken(f"it did not start within {MOST_SECONDS:.0f} s") from None
    try:
        found = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        words = with_advice(last_words(done.stderr)) or "it said nothing"
        raise EngineBroken(f"its process ended with {how}; last words: {words}") from None
    if "broken" in found:
        raise EngineBroken(found["broken"])
    if "invalid" in found:
        raise InvalidSetting(**found["invalid"])
    slow: str | None = found["slow"]
    return slow


def _found(device: str, dtype: Dtype) -> dict[str, object]:
    try:
        from qwenq.worker.engines.transformers import engine  # noqa: F401 - with all that it needs
        from qwenq.worker.engines.transformers.loading.device import try_device

        return {"slow": try_device(device, dtype)}
    except InvalidSetting as invalid:
        return {"invalid": invalid.facts}
    except Exception as error:  # noqa: BLE001 - a broken library raises anything
        return {"broken": start_reason(error)}


if __name__ == "__main__":
    print(json.dumps(_found(sys.argv[1], sys.argv[2])))  # type: ignore[arg-type] # noqa: T201 - the answer
