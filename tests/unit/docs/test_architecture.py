"""ARCHITECTURE.md names the settings, states and rooms that there are."""

import re
from enum import StrEnum
from pathlib import Path

import pytest
from celery import Celery

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState, DocumentState, JobState, WorkerState
from qwenq.store.broker.broker import make_app

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", TEXT, re.MULTILINE))
ADDRESSES = {"broker_url", "broker_read_url", "broker_write_url"}


@pytest.fixture(scope="module")
def chosen() -> dict[str, object]:
    """Celery's settings as qwenq has them, those of the transport beside the others."""
    conf = make_app(Settings()).conf
    return {**conf, **conf.broker_transport_options}


def test_every_celery_setting_is_told_as_it_is(chosen: dict[str, object]) -> None:
    assert {name: repr(chosen[name]) for name in ROWS} == ROWS


def test_every_celery_setting_of_ours_has_its_row(chosen: dict[str, object]) -> None:
    usual = {**Celery(set_as_current=False).conf}
    ours = {name for name, value in chosen.items() if usual.get(name) != value}
    assert ours - ADDRESSES - {"broker_transport_options"} <= set(ROWS)


def test_every_celery_setting_has_its_reason() -> None:
    reasons = re.findall(r"^\| `\w+` \| `.+?` \| (.*) \|$", TEXT, re.MULTILINE)
    assert len(reasons) == len(ROWS)
    assert all(reason.strip() for reason in reasons)


@pytest.mark.parametrize("states", [JobState, DocumentState, ChunkState, WorkerState])
def test_every_state_is_drawn(states: type[StrEnum]) -> None:
    drawn = TEXT.partition("\n## States\n")[2].partition("\n## ")[0]
    assert [state for state in states if not re.search(rf"\b{state}\b", drawn)] == []


def test_every_room_and_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:producer|worker|store|schemas|migrations|qwenq)/[\w./]*)`", TEXT)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
