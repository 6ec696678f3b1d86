"""docs/monitoring.md lists every series, alert, condition of a worker, and log event."""

import re
from pathlib import Path

import yaml

from qwenq.monitor.metrics.series import SERIES
from qwenq.schemas.log.events import Event
from qwenq.schemas.views.fleet import WorkerCondition
from qwenq.server.watching.series import SERIES as HTTP_SERIES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "monitoring.md").read_text("utf-8")


def test_the_page_lists_every_series() -> None:
    rows = re.findall(r"^\| `(qwenq_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    listed = [
        (name, kind, tuple(re.findall(r"`(\w+)`", labels)), meaning) for name, kind, labels, meaning in rows
    ]
    assert listed == [
        (one.name if one.kind == "histogram" else one.samples[0], one.kind, one.labels, one.meaning)
        for one in (*SERIES, *HTTP_SERIES)
    ]


def test_the_page_lists_every_alert() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy/grafana/alerts.yml").read_text("utf-8"))["groups"]
    listed = re.findall(r"^\| `(Qwenq\w+)` \|", PAGE, re.MULTILINE)
    assert listed == [rule["alert"] for rule in group["rules"]]


def test_the_page_names_every_condition_of_a_worker() -> None:
    assert [condition for condition in WorkerCondition if f"`{condition}`" not in PAGE] == []


def test_the_page_lists_every_log_event() -> None:
    listed = re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(Event)
