"""`qwenq up` in one terminal, `qwenq submit` in another."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import requests

from tests.commands import qwenq_here
from tests.integration.test_topology import fetch, free_port
from tests.processes import qwenq, read_jsonl
from tests.waiting import eventually


def test_up_answers_submitted_jobs_and_ctrl_c_stops_every_service(folder: Path, documents: Path) -> None:
    port, serve_port = free_port(), free_port()
    running = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "qwenq",
            "up",
            "--model",
            "echo",
            "--port",
            str(port),
            "--serve-port",
            str(serve_port),
        ],
        cwd=folder,
        env={**os.environ, "QWENQ_LEASE_SECONDS": "2"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stderr is not None
        said = running.stderr.readline()
        assert "echo" in said
        address = re.search(rf"http://127.0.0.1:{port}/jobs\?token=\S{{32,}}(?=;)", said)
        assert address
        url, key_file = re.findall(
            r"OPENAI_BASE_URL=(\S+) OPENAI_API_KEY=\$\(cat (\S+)\)", running.stderr.readline()
        )[0]
        ended = qwenq_here("submit", documents, "--model", "echo", "--wait", "--json", cwd=folder)
        assert ended.returncode == 1, ended.stderr
        job = json.loads(ended.stdout)
        assert (job["state"], job["documents"]["succeeded"]) == ("completed", 4)
        written = qwenq_here("results", str(job["id"]), "-o", "out.jsonl", cwd=folder)
        assert "4 answers: out.jsonl" in written.stderr
        assert len(read_jsonl(folder / "out.jsonl")) == 4
        assert len(read_jsonl(folder / "out.errors.jsonl")) == 1
        eventually(
            lambda: "OK" in fetch(f"http://127.0.0.1:{port}/healthcheck", folder / ".qwenq"), "Flower serves"
        )
        opened = requests.Session().get(address[0], timeout=60)
        assert (opened.url, opened.status_code) == (f"http://127.0.0.1:{port}/jobs", 200)
        assert requests.get(opened.url, timeout=60).status_code == 401
        assert qwenq_here("flower", "--url", cwd=folder).stdout.strip() == address[0]
        assert "token=" not in (folder / ".qwenq" / "logs" / "flower.log").read_text()
        key = {"Authorization": f"Bearer {(folder / key_file).read_text().strip()}"}
        models = requests.get(f"{url}/models", headers=key, timeout=60).json()["data"]
        assert [model["id"] for model in models] == ["echo"]
        assert requests.get(f"{url}/models", timeout=60).status_code == 401
        second = qwenq("up", "--model", "echo", cwd=folder)
        assert second.returncode == 2
        assert "Another qwenq process is using" in second.stderr
        started = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        assert running.wait(120) == 130
        assert psutil.wait_procs(started, timeout=60)[1] == []
    finally:
        running.kill()
        running.communicate()
