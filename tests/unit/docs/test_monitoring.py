"""docs/monitoring.md lists the series, the alerts and the events that there are."""

import re
from pathlib import Path

import yaml

from qwenq.monitor.metrics.series import SERIES
from qwenq.schemas.log.events import Event
from qwenq.schemas.views.fleet import WorkerCondition

ROOT = Path(__file__).parents[3]
TOLD = (ROOT / "docs" / "monitoring.md").read_text("utf-8")


def test_the_series_are_those_that_are_given() -> None:
    rows = re.findall(r"^\| `(qwenq_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", TOLD, re.MULTILINE)
    told = [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), meaning) for name, kind, labels, meaning in rows
    ]
    assert told == [
        (one.name if one.kind == "histogram" else one.samples[0], one.kind, one.labels, one.meaning)
        for one in SERIES
    ]


def test_the_alerts_are_those_of_the_rules() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy/grafana/alerts.yml").read_text("utf-8"))["groups"]
    told = re.findall(r"^\| `(Qwenq\w+)` \|", TOLD, re.MULTILINE)
    assert told == [rule["alert"] for rule in group["rules"]]


def test_the_conditions_of_a_worker_are_all_told() -> None:
    assert [condition for condition in WorkerCondition if f"`{condition}`" not in TOLD] == []


def test_the_events_of_the_log_are_all_told() -> None:
    told = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", TOLD, re.MULTILINE)
    assert sorted(told) == sorted(Event)
