"""docs/internals/celery.md lists Celery's settings as the code makes them."""

import re
from pathlib import Path

import pytest
from celery import Celery

from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import make_app

TEXT = (Path(__file__).parents[3] / "docs" / "internals" / "celery.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \| \S", TEXT, re.MULTILINE))
ADDRESSES = {"broker_url", "broker_read_url", "broker_write_url"}


@pytest.fixture(scope="module")
def chosen() -> dict[str, object]:
    """The settings of the application, those of its transport among them."""
    conf = make_app(Settings()).conf
    return {**conf, **conf.broker_transport_options}


def test_the_table_gives_the_value_of_each_setting(chosen: dict[str, object]) -> None:
    assert {name: repr(chosen[name]) for name in ROWS} == ROWS


def test_the_table_lists_every_setting_that_is_not_celerys_default(chosen: dict[str, object]) -> None:
    usual = {**Celery(set_as_current=False).conf}
    ours = {name for name, value in chosen.items() if usual.get(name) != value}
    assert ours - ADDRESSES - {"broker_transport_options"} <= set(ROWS)
