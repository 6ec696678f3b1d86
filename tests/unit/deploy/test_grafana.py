"""The dashboard and the alert rules query series that /metrics has, in valid PromQL."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from qwenq.monitor.metrics.series import SERIES as FLOWERS_SERIES
from qwenq.server.watching.series import SERIES as HTTP_SERIES
from tests.unit.deploy.compose import BASE, ROOT, load

SERIES = (*FLOWERS_SERIES, *HTTP_SERIES)
FOLDER = ROOT / "deploy" / "grafana"
RULES = FOLDER / "alerts.yml"
LABELS = {
    name: {*one.labels, *(["le"] if name.endswith("_bucket") else [])}
    for one in SERIES
    for name in one.samples
} | {"up": {"job", "instance"}}


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]
    return found


def expressions() -> list[str]:
    """All queries to Prometheus, with Grafana's variables filled in."""
    asked = [rule["expr"] for rule in alerts()]
    asked += [target["expr"] for panel in panels() for target in panel["targets"]]
    return [
        one.replace("$__rate_interval", "1m").replace("$model", ".*").replace("$tenant", ".*")
        for one in asked
    ]


def selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    """The series that an expression selects."""
    found: list[promql_parser.VectorSelector] = []

    def note(node: object) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), note)
    yield from found


@pytest.mark.parametrize("expression", expressions())
def test_an_expression_names_series_and_labels_that_exist(expression: str) -> None:
    selected = list(selectors(expression))
    assert selected
    for one in selected:
        assert one.name in LABELS, one.name
        assert {matcher.name for matcher in one.matchers.matchers} <= LABELS[one.name]


def test_every_series_is_on_the_dashboard_or_in_an_alert() -> None:
    asked = {one.name for expression in expressions() for one in selectors(expression)}
    assert [one.name for one in SERIES if not asked & set(one.samples)] == []


def test_compose_mounts_files_that_exist_where_prometheus_and_grafana_look() -> None:
    services = load(BASE)["services"]
    mounted = {
        inside: outside
        for name in ("prometheus", "grafana")
        for outside, inside in (volume.split(":")[:2] for volume in services[name]["volumes"])
        if outside.startswith("./")
    }
    assert [outside for outside in mounted.values() if not (ROOT / outside).is_file()] == []
    read = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert set(read["rule_files"]) <= set(mounted)
    assert [(one["job_name"], one["static_configs"]) for one in read["scrape_configs"]] == [
        ("qwenq", [{"targets": ["flower:5555"]}]),
        ("qwenq-api", [{"targets": ["api:8000"]}]),
    ]
    (provider,) = yaml.safe_load((FOLDER / "dashboards.yml").read_text("utf-8"))["providers"]
    assert f"{provider['options']['path']}/qwenq.json" in mounted


def test_prometheus_reads_its_token_from_the_file_that_compose_gives_it() -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (secret,) = load(BASE)["services"]["prometheus"]["secrets"]
    credentials = {"credentials_file": f"/run/secrets/{secret['source']}"}
    assert [one["authorization"] for one in scraped] == [credentials] * len(scraped)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
@pytest.mark.parametrize(
    "words", [("check", "rules", RULES), ("test", "rules", Path(__file__).with_name("alerts_test.yml"))]
)
def test_promtool_accepts_the_alert_rules(words: tuple[str, str, Path]) -> None:
    told = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
