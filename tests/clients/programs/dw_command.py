"""dw, the command of dw-cli: stream, run, watch, results. The variable DW names another dw than the environment's."""

import json
import os
import subprocess
import sys
from pathlib import Path

DW = os.environ.get("DW", str(Path(sys.executable).parent / "dw"))
SERVER = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
LINES = int(os.environ["LINES"])


def dw(*arguments: str) -> str:
    """The output of a command of dw."""
    ended = subprocess.run([DW, *arguments], capture_output=True, text=True, check=False)
    if "GLIBC" in ended.stderr:
        print("cannot: run here: dw is built for a newer C library; see the variable DW")
        sys.exit(0)
    assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
    return ended.stdout


def main() -> None:
    """Run a batch in each of the ways that dw has."""
    path = os.environ["BATCH_FILE"]
    dw("config", "set-url", SERVER)
    dw("login", "--api-key", os.environ["OPENAI_API_KEY"], "--server", SERVER)
    streamed = [json.loads(line)["custom_id"] for line in dw("stream", path).splitlines()]
    assert sorted(streamed) == [f"r{place}" for place in range(LINES)], streamed
    print("did: stream")
    dw("batches", "run", path, "--watch", "--output-id", "ids.txt")
    [batch_id] = Path("ids.txt").read_text("utf-8").split()
    assert len(dw("batches", "results", batch_id).splitlines()) == LINES
    assert json.loads(dw("batches", "get", batch_id))["status"] == "completed"
    assert batch_id in dw("batches", "list")
    assert "batch.jsonl" in dw("files", "list")
    print("did: run, watch, results, get, list")
    print("cannot: models, whoami, webhooks, usage: dw asks Doubleword's own administration for these")


main()
