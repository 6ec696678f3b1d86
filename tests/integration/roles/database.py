"""The database roles of deploy/postgres, and statements under them."""

from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

FOLDER = Path(__file__).parents[3] / "deploy" / "postgres"
LIMITED = ("qwenq_producer", "qwenq_api", "qwenq_worker", "qwenq_flower")
SERVICES = ("qwenq_beat", *LIMITED)


def as_role(url: str, role: str) -> URL:
    return make_url(url).set(username=role)


def run_sql(url: str | URL, *scripts: str) -> None:
    """Run statements in one session."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        for script in scripts:
            connection.execute(script.encode())
