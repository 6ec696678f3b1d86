"""Two beats that are killed, an hour without a beat, clocks that go back: each due time runs exactly once."""

import json
import subprocess
import sys

DUE_TIMES = 36


def test_each_due_time_runs_exactly_once() -> None:
    command = [sys.executable, "-m", "benchmarks.scheduled_week", "--days", str(DUE_TIMES / 288), "--json"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    report = json.loads(done.stdout)
    figures = {figure["what"]: figure["value"] for figure in report["figures"]}
    assert figures["due times"] == figures["runs that succeeded"] == DUE_TIMES
    assert [bar["what"] for bar in report["bars"] if not bar["met"]] == []
    assert (done.returncode, len(report["bars"])) == (0, 5)
