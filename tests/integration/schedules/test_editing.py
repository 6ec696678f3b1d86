"""Editing a schedule: what is given changes, the rest stays, what cannot work is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from qwenq.actions.request import JobRequest
from qwenq.actions.templates import save_template
from qwenq.embedded.session import environment_of
from qwenq.schedules import commands
from qwenq.schedules.editing import edited
from qwenq.schemas.errors import InvalidCron, InvalidParameter, InvalidTemplate, ScheduleRemoved
from qwenq.schemas.generation import Overflow
from qwenq.schemas.jobs import Priority
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.schedules import RunPolicy, Schedule
from qwenq.store.views.schedules.schedules import find_schedule
from qwenq.wording.numbers import percent
from tests.commands import qwenq_here
from tests.integration.schedules.conftest import NIGHT, Nights

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _rich(nights: Nights) -> Schedule:
    """A schedule with a value of its own for every kind of option."""
    (nights.folder / "schema.json").write_text('{"type":"object","properties":{"a":{"type":"string"}}}')
    nights.put("a.jsonl", ["one"])
    request = JobRequest(
        files=[str(nights.inbox)], prompt="Sum up: {{ text }}", merge_prompt="Join: {{ parts }}", system="Be kind",
        delimiter=";", header=False, skip_rows=2, columns="a,b", follow_links=True, priority=Priority.HIGH,
        json_schema=nights.folder / "schema.json",
        params={"temperature": 0.5, "seed": 0, "max_new_tokens": 64, "thinking_budget": 0, "on_overflow": "split"},
    )  # fmt: skip
    policy = RunPolicy(
        output=str(nights.folder / "{date}.csv"), errors=str(nights.folder / "{date}.errors.csv"), csv_safe=True,
        keep_columns=("a",), on_failure_rate=0.0, notify=("slack:http://127.0.0.1:9/token",),
    )  # fmt: skip
    commands.add("rich", ("0 2 * * *", "Europe/Warsaw"), request, policy, nights.settings)
    return find_schedule_of(nights, "rich")


def find_schedule_of(nights: Nights, name: str) -> Schedule:
    """A schedule as it is stored."""
    with nights.store.reading() as connection:
        found = find_schedule(connection, name)
    assert found is not None
    return found


def test_what_is_not_given_stays_as_it_is(nights: Nights) -> None:
    before = _rich(nights)
    after = edited(before, {"catch_up": "all"}, (), nights.settings)
    assert after == before.model_copy(update={"policy": before.policy.model_copy(update={"catch_up": "all"})})


@pytest.mark.parametrize(
    ("changes", "unset", "found"),
    [
        (
            {"template": "summarize"},
            (),
            lambda one: "summar" in (one.request.spec.prompt.merge or "").lower(),
        ),
        ({"on_overflow": Overflow.FAIL}, (), lambda one: one.request.spec.prompt.merge is None),
        ({}, ("json_schema",), lambda one: one.request.spec.params.response_format.type == "text"),
        ({}, ("errors", "notify"), lambda one: (one.policy.errors, one.policy.notify) == (None, ())),
        ({}, ("header",), lambda one: one.request.tables.header is None),
        (
            {"inputs": ("other.jsonl",)},
            (),
            lambda one: one.request.inputs == (str(Path("other.jsonl").absolute()),),
        ),
        ({"model": "other"}, (), lambda one: one.request.spec.model == "other"),
        ({}, ("tz",), lambda one: one.timezone == "UTC"),
        ({"seed": 7}, ("temperature",), lambda one: one.request.spec.params.temperature is None),
    ],
)
def test_given_options_replace_stored_ones_and_unset_ones_get_their_defaults(
    nights: Nights, changes: dict[str, Any], unset: tuple[str, ...], found: Any
) -> None:
    assert found(edited(_rich(nights), changes, unset, nights.settings))


@pytest.mark.parametrize(
    ("changes", "unset", "error"),
    [
        ({}, (), InvalidParameter),
        ({}, ("output",), InvalidParameter),
        ({"prompt": "{{ text"}, (), InvalidTemplate),
        ({"prompt": "{{ text }}", "template": "qa"}, (), InvalidParameter),
        ({"on_failure_rate": 2.0}, (), InvalidParameter),
        ({"cron": "0 2"}, (), InvalidCron),
        ({"notify": ("ftp://here",)}, (), InvalidParameter),
    ],
)
def test_what_cannot_work_changes_nothing(
    nights: Nights, changes: dict[str, Any], unset: tuple[str, ...], error: type[Exception]
) -> None:
    before = _rich(nights)
    with pytest.raises(error):
        commands.edit("rich", changes, unset, nights.settings)
    assert commands.show("rich", nights.settings).schedule == commands.shown(before)


def test_values_change_alone_and_the_template_keeps_its_name(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    save_template("triage", "{{ kind }} of {{ labels }}: {{ text }}", None, nights.settings)
    request = JobRequest(
        files=[str(nights.inbox)],
        template="triage",
        values={"labels": "spam,ham", "kind": "mail"},
        system="Be kind",
    )
    policy = RunPolicy(output=str(nights.folder / "{date}.csv"))
    commands.add("valued", ("0 2 * * *", "UTC"), request, policy, nights.settings)
    env = environment_of(nights.settings)

    def shown(*changes: str) -> list[str]:
        done = qwenq_here("schedule", "edit", "valued", *changes, cwd=nights.folder, env=env)
        assert done.returncode == 0, done.stderr
        lines = qwenq_here("schedule", "show", "valued", cwd=nights.folder, env=env).stdout.splitlines()
        return [" ".join(line.split()) for line in lines]

    changed = shown("--var", "labels=red,blue")
    assert {"template triage, version 1", "prompt {{ kind }} of {{ labels }}: {{ text }}"} <= set(changed)
    assert {"var labels=red,blue", "kind=mail", "system Be kind"} <= set(changed)
    spec = find_schedule_of(nights, "valued").request.spec
    assert PromptTemplate.from_spec(spec.prompt).render('{"text": "a"}').prompt.messages[-1].content == (
        "mail of red,blue: a"
    )
    other = shown("--prompt", "Only {{ labels }}: {{ text }}")
    assert "var labels=red,blue" in other
    assert not any(line.startswith(("template", "kind=mail")) for line in other)
    assert not any(line.startswith("var") for line in shown("--prompt", "{{ text }}", "--unset", "var"))


def test_an_edit_keeps_the_history_and_moves_the_due_time_only_with_the_cron_line(nights: Nights) -> None:
    nights.put("a.jsonl", ["one"])
    nights.add()
    first = nights.night()
    due = commands.show("nightly", nights.settings).schedule.next_due_at
    assert (
        commands.edit("nightly", {"prompt": "Say: {{ text }}"}, (), nights.settings).schedule.next_due_at
        == due
    )
    later = commands.edit("nightly", {"cron": "0 3 * * *"}, (), nights.settings).schedule
    assert (later.next_due_at.hour, later.next_due_at < NIGHT) == (3, True)
    assert [run.id for run in nights.runs()] == [first.id]
    commands.remove("nightly", nights.settings)
    with pytest.raises(ScheduleRemoved):
        commands.edit("nightly", {"tz": "UTC"}, (), nights.settings)


def test_the_commands_edit_show_and_sum_up_a_schedule(nights: Nights) -> None:
    _rich(nights)
    env = {**environment_of(nights.settings), "QWENQ_MODEL": "elsewhere"}
    done = qwenq_here(
        "schedule", "edit", "rich", "--max-new-tokens", "99", "--unset", "format", "--tz", "UTC",
        cwd=nights.folder, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = qwenq_here("schedule", "show", "rich", "--limit", "1", cwd=nights.folder, env=env).stdout
    for name, fact in (
        ("model", "echo"), ("prompt", "Sum up: {{ text }}"), ("system", "Be kind"), ("max-new-tokens", "99"),
        ("merge-prompt", "Join: {{ parts }}"), ("header", "no"), ("seed", "0"), ("fails above", percent(0.0)),
        ("notify", "slack:http://127.0.0.1:9/…"), ("answers", 'by the JSON schema {"type":"object"'),
    ):  # fmt: skip
        assert any(line.startswith(f"{name} ") and fact in line for line in shown.splitlines()), name
    assert "token" not in shown.replace("max-new-tokens", "")
    wrong = qwenq_here("schedule", "edit", "rich", "--unset", "nonsense", cwd=nights.folder, env=env)
    assert (wrong.returncode, "nonsense" in wrong.stderr) == (2, True)


def test_a_tick_exits_with_1_when_a_run_failed_and_months_are_summed_up(nights: Nights) -> None:
    nights.add()
    env = environment_of(nights.settings)
    at = f"{NIGHT:%Y-%m-%dT%H:%M}+00:00"
    ticked = qwenq_here("schedule", "tick", "--at", at, cwd=nights.folder, env=env)
    assert ticked.returncode == 1
    assert "1 run came due, 1 step of runs done, 0 notices sent" in ticked.stderr
    assert "schedule nightly: run 1, due 2030-11-22 02:00, failed: " in ticked.stderr
    assert qwenq_here("schedule", "tick", "--at", at, cwd=nights.folder, env=env).returncode == 0
    costs = qwenq_here("schedule", "costs", "--gpu-hour-price", "2.5", "--json", cwd=nights.folder, env=env)
    [month] = json.loads(costs.stdout)
    assert (month["month"], month["runs"], month["failed_runs"], month["cost"]) == ("2030-11", 1, 1, 0.0)
    assert "2030-11" in qwenq_here("schedule", "costs", cwd=nights.folder, env=env).stdout
