"""Metering: sums equal the answers' usage, and a group's last report comes before its last answer."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers import metering
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.engines.transformers.metering import GroupMeter
from qwenq.worker.engines.transformers.runner import RowWork
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.running import document

CPU = torch.device("cpu")
TEXT = "The invoice of Müller & Sons is due on 12 May 2024. "


def three_groups() -> list[Request]:
    requests = [
        ask(TEXT * (1 + key % 3), key, group=key // 5, max_new_tokens=3 + key % 4) for key in range(15)
    ]
    return [replace(one, closes_group=one.key % 5 == 4) for one in requests]


def events_of(checkpoint: Checkpoint, name: str, requests: list[Request]) -> list[BatchMetrics | Completion]:
    """Return an engine's metrics and completions in order."""
    events: list[BatchMetrics | Completion] = []
    hooks = EngineHooks(lambda: None, events.append)
    engine = TransformersEngine(str(checkpoint(name)), EngineOptions("cpu", batch_rows=4), hooks)
    engine.load()
    events.extend(engine.generate(requests))
    return events


@pytest.mark.parametrize("name", ["qwen3", "qwen3_5"])
@pytest.mark.parametrize("report_seconds", [0.0, 1000.0])
def test_the_sums_of_each_group_are_those_of_its_answers(
    name: str, report_seconds: float, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "REPORT_SECONDS", report_seconds)
    events = events_of(checkpoint, name, three_groups())
    metrics = [one for one in events if isinstance(one, BatchMetrics)]
    usages = [(one.group, one.usage) for one in events if isinstance(one, Completion)]
    for group in range(3):
        mine = [one for one in metrics if one.group == group]
        used = [usage for owner, usage in usages if owner == group]
        assert sum(one.rows for one in mine) == len(used) == 5
        assert sum(one.new_tokens for one in mine) == sum(usage.completion_tokens for usage in used)
        assert sum(one.prefix_tokens for one in mine) == sum(usage.prefix_tokens for usage in used)
        assert sum(one.prompt_tokens + one.prefix_tokens for one in mine) == sum(
            usage.prompt_tokens for usage in used
        )
        assert sum(one.padded_tokens for one in mine) >= sum(one.prompt_tokens for one in mine)
        assert sum(one.seconds for one in mine) > 0
        assert sum(sum(one.answer_seconds.counts) for one in mine) == 5
        assert all(0 < one.together <= 4 for one in mine if one.new_tokens)
    assert all(one.resident_bytes > 10_000_000 for one in metrics)
    assert (sum(one.prefix_tokens for one in metrics) > 0) is (name == "qwen3")


def test_packed_documents_pad_nothing(checkpoint: Checkpoint) -> None:
    metrics = [one for one in events_of(checkpoint, "qwen3", three_groups()) if isinstance(one, BatchMetrics)]
    assert sum(one.padded_tokens for one in metrics) == sum(one.prompt_tokens for one in metrics)


@pytest.mark.parametrize("name", ["qwen3", "qwen3_5"])
def test_the_last_metrics_of_a_group_come_before_its_last_answer(name: str, checkpoint: Checkpoint) -> None:
    events = events_of(checkpoint, name, three_groups())
    for group in range(3):
        places = [(place, one) for place, one in enumerate(events) if one.group == group]
        metered = [place for place, one in places if isinstance(one, BatchMetrics)]
        answered = [place for place, one in places if isinstance(one, Completion)]
        assert max(metered) < max(answered)


def test_groups_that_share_a_step_share_its_seconds_by_their_tokens() -> None:
    meter = GroupMeter(CPU)
    one, other = document([5] * 4, group=1), document([5] * 4, group=2)
    meter.add_step([RowWork(one, prompt_tokens=4, cells=6), RowWork(other, new_tokens=2)], seconds=8.0)
    first, second = meter.pop(1), meter.pop(2)
    assert first is not None
    assert second is not None
    assert (first.seconds, second.seconds) == (6.0, 2.0)
    assert (first.prompt_tokens, first.padded_tokens, first.new_tokens) == (4, 6, 0)
    assert (second.prompt_tokens, second.padded_tokens, second.new_tokens) == (0, 0, 2)


def test_reported_sums_are_not_reported_again() -> None:
    meter = GroupMeter(CPU)
    meter.add_step([RowWork(document([5], group=1), new_tokens=1)], seconds=1.0)
    assert meter.pop(1) is not None
    assert meter.pop(1) is None


def test_a_group_without_steps_has_no_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "REPORT_SECONDS", 0.0)
    meter = GroupMeter(CPU)
    groups: Counter[int] = Counter()
    for group in (1, 1, 2):
        meter.add_step([RowWork(document([5], group=group), new_tokens=1)], seconds=1.0)
        groups.update(one.group for one in meter.pop_due())
    assert groups == {1: 2, 2: 1}
