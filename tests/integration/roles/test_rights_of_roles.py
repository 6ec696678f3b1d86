"""No database role can do more than the work of its service."""

import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import make_url

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.tables.core import metadata
from qwenq.store.database.store import Store
from tests.integration.roles.database import FOLDER, LIMITED, SERVICES, as_role, run_sql

REFUSED = {
    "qwenq_beat": ("UPDATE alembic_version SET version_num = 'x'",),
    "qwenq_producer": (
        "INSERT INTO schedules (name) VALUES ('x')",
        "UPDATE schedules SET request = '{}'",
        "UPDATE notices SET url = 'x'",
        "SELECT url FROM job_notices",
        "UPDATE documents SET content = 'x'",
        "UPDATE jobs SET prompt = '{}'",
        "UPDATE results SET text = 'x'",
        "INSERT INTO results (text) VALUES ('x')",
        "DELETE FROM failures",
        "DELETE FROM schedules",
    ),
    "qwenq_api": (
        "SELECT url FROM job_notices",
        "INSERT INTO api_keys (prefix) VALUES ('x')",
        "UPDATE api_keys SET revoked_at = NULL",
        "INSERT INTO tenants (name) VALUES ('x')",
        "SELECT who FROM audit",
        "SELECT secret FROM tenant_webhooks",
        "UPDATE audit SET who = 'x'",
        "UPDATE files SET tenant = 'x'",
        "UPDATE results SET text = 'x'",
    ),
    "qwenq_worker": (
        "SELECT digest FROM api_keys",
        "SELECT name FROM files",
        "SELECT url FROM notices",
        "SELECT request FROM schedules",
        "INSERT INTO schedules (name) VALUES ('x')",
        "UPDATE schedules SET request = '{}'",
        "UPDATE schedule_runs SET output = 'x'",
        "INSERT INTO notices (url) VALUES ('x')",
        "INSERT INTO jobs (name) VALUES ('x')",
        "UPDATE jobs SET prompt = '{}'",
        "UPDATE jobs SET sources = '[]'",
        "UPDATE documents SET content = 'x'",
        "INSERT INTO documents (content) VALUES ('x')",
        "UPDATE results SET text = 'x'",
        "DELETE FROM results",
        "DELETE FROM documents",
        "DELETE FROM jobs",
        "DELETE FROM workers",
    ),
    "qwenq_flower": (
        "INSERT INTO jobs (name) VALUES ('x')",
        "UPDATE jobs SET prompt = '{}'",
        "DELETE FROM jobs",
        "UPDATE documents SET content = 'x'",
        "DELETE FROM documents",
        "INSERT INTO results (text) VALUES ('x')",
        "UPDATE results SET text = 'x'",
        "INSERT INTO workers (name) VALUES ('x')",
        "UPDATE workers SET state = 'stopped'",
        "UPDATE schedules SET request = '{}'",
        "UPDATE schedules SET policy = '{}'",
        "UPDATE schedule_runs SET output = 'x'",
        "INSERT INTO schedules (name) VALUES ('x')",
        "UPDATE notices SET url = 'x'",
        "SELECT url FROM job_notices",
        "INSERT INTO job_notices (url) VALUES ('x')",
    ),
}
DDL = (
    "CREATE TABLE x (id int)",
    "CREATE TEMP TABLE x (id int)",
    "DROP TABLE jobs",
    "TRUNCATE results",
    "ALTER TABLE jobs ADD x int",
)


def test_the_passwords_of_a_deployment_are_set_for_every_role(guarded_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run([FOLDER.parent / "make-secrets.sh", folder], check=True, capture_output=True, timeout=60)
    run_sql(guarded_url, (folder / "postgres" / "passwords.sql").read_text("utf-8"))
    address = make_url(guarded_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        found = connection.execute("SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL").fetchall()
    assert {name for (name,) in found} >= {"qwenq_owner", *SERVICES} - {"qwenq_api"}


def test_no_role_of_a_service_can_do_more_than_its_work(guarded_url: str) -> None:
    allowed = []
    for role in SERVICES:
        for statement in (*REFUSED[role], *DDL):
            try:
                run_sql(as_role(guarded_url, role), statement)
            except InsufficientPrivilege:
                continue
            allowed.append((role, statement))
    assert allowed == []


def test_a_role_that_is_not_of_qwenq_cannot_connect(guarded_url: str) -> None:
    run_sql(guarded_url, "DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        run_sql(as_role(guarded_url, "stranger"), "SELECT 1")


def test_a_table_of_a_later_migration_is_open_to_beat_and_closed_to_the_others(guarded_url: str) -> None:
    run_sql(as_role(guarded_url, "qwenq_owner"), "CREATE TABLE later (id bigserial PRIMARY KEY, word text)")
    run_sql(as_role(guarded_url, "qwenq_beat"), "INSERT INTO later (word) VALUES ('x')", "DELETE FROM later")
    for role in LIMITED:
        with pytest.raises(InsufficientPrivilege):
            run_sql(as_role(guarded_url, role), "SELECT * FROM later")


def test_roles_and_grants_can_be_run_again(guarded_url: str) -> None:
    run_sql(guarded_url, (FOLDER / "roles.sql").read_text("utf-8"))
    owner = as_role(guarded_url, "qwenq_owner")
    run_sql(owner, "GRANT DELETE ON results TO qwenq_worker", (FOLDER / "grants.sql").read_text("utf-8"))
    with pytest.raises(InsufficientPrivilege):
        run_sql(as_role(guarded_url, "qwenq_worker"), "DELETE FROM results")


def test_a_missing_right_is_reported_with_what_mends_it(guarded_url: str) -> None:
    with (
        Store(as_role(guarded_url, "qwenq_worker")) as store,
        pytest.raises(StoreAway, match=r"permission denied for table schedules.*deploy/postgres/grants.sql"),
        store.reading() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM schedules")


def test_the_grants_name_every_table() -> None:
    text = (FOLDER / "grants.sql").read_text("utf-8")
    assert [name for name in metadata.tables if name not in text] == []
