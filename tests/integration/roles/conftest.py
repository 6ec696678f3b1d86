"""A database with the roles of deploy/postgres."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from tests.integration.roles.database import FOLDER, as_role, run_sql


@pytest.fixture
def guarded_url(empty_postgres_url: str) -> str:
    """A migrated database with the roles of the deployment."""
    run_sql(empty_postgres_url, (FOLDER / "roles.sql").read_text("utf-8"))
    with Store(as_role(empty_postgres_url, "qwenq_owner")) as store:
        upgrade_store(store)
    run_sql(as_role(empty_postgres_url, "qwenq_owner"), (FOLDER / "grants.sql").read_text("utf-8"))
    return empty_postgres_url


@pytest.fixture
def settings(tmp_path: Path, guarded_url: str) -> Settings:
    """The settings of the administrator; `settings_of` has those of a role."""
    return Settings(home=tmp_path / "home", database_url=guarded_url, lease_seconds=4, stop_seconds=5)


@pytest.fixture
def settings_of(settings: Settings, guarded_url: str) -> Callable[[str], Settings]:
    def of_role(role: str) -> Settings:
        url = as_role(guarded_url, role).render_as_string(hide_password=False)
        return settings.model_copy(update={"database_url": url})

    return of_role
