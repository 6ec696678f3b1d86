"""`qwenq report --tenant`: what a tenant used and what it cost, in this process."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from qwenq.cli.group import group
from qwenq.schemas.errors import InvalidParameter, UnknownTenant
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.service import usage
from qwenq.store.database.opening import open_store
from qwenq.store.tenants.tenants import insert_tenant

ROW = {"tenant": "acme", "day": "2026-11-30", "owner": "anna", "model": "m", "worker_id": 1, "answers": 3,
       "failures": 1, "prompt_tokens": 1_000, "completion_tokens": 50, "device_seconds": 1_800.0}  # fmt: skip


@pytest.fixture
def used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QWENQ_HOME", str(tmp_path / "home"))
    rows = (
        ROW,
        {**ROW, "worker_id": 2, "answers": 4},
        {**ROW, "owner": "ben", "day": "2026-11-01"},
        {**ROW, "day": "2026-12-01"},
        {**ROW, "tenant": "other"},
    )
    with open_store(Settings(home=tmp_path / "home")) as store, store.writing() as connection:
        insert_tenant(connection, "acme")
        connection.execute(insert(usage), rows)


def report(*words: str) -> str:
    return CliRunner().invoke(group, ["report", *words], catch_exceptions=False, standalone_mode=False).stdout


@pytest.mark.usefixtures("used")
def test_what_a_tenant_used_in_a_month_is_told_with_its_cost() -> None:
    asked = ("--tenant", "acme", "--month", "2026-11", "--gpu-hour-price", "2")
    found = json.loads(report(*asked, "--json"))
    assert [(row["day"], row["owner"], row["answers"]) for row in found["used"]] == [
        ("2026-11-01", "ben", 3),
        ("2026-11-30", "anna", 7),
    ]
    assert (found["total"]["answers"], found["total"]["prompt_tokens"], found["cost"]) == (10, 3_000, 3.0)
    text = report(*asked)
    assert "anna, m: 7 answers, 2 failed, 2,000 prompt tokens" in text
    assert "in all: 10 answers" in text
    assert "3.00 USD" in text


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("--tenant", "nobody"), UnknownTenant),
        ((), InvalidParameter),
        (("7", "--tenant", "acme"), InvalidParameter),
        (("--tenant", "acme", "-o", "page.html"), InvalidParameter),
    ],
)
def test_a_report_is_of_a_job_or_of_a_tenant_that_is_known(
    words: tuple[str, ...], kind: type[Exception]
) -> None:
    assert isinstance(CliRunner().invoke(group, ["report", *words], standalone_mode=False).exception, kind)
