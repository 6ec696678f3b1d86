"""A schedule as options of `qwenq schedule add`, and the schedule that other options make of it."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from qwenq.actions.request import JobRequest
from qwenq.producer.reading import Format
from qwenq.schedules.checking import checked_schedule
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.generation import GenerationParams, Overflow
from qwenq.schemas.jobs import Priority, PromptSpec
from qwenq.schemas.machine.wrong_values import why_wrong
from qwenq.schemas.schedules import RunPolicy, Schedule
from qwenq.schemas.settings import Settings
from qwenq.schemas.templates.values import without_values

NEEDED = ("cron", "inputs", "output", "model")
"""Options that every schedule has."""
_ALTERNATIVES = (
    ("template", "prompt", "prompt_file"),
    ("merge_prompt", "merge_prompt_file"),
    ("json_schema", "response_format"),
)
"""Of each of these, one option replaces the others."""
_DEFAULTS = {
    "text_column": "text",
    "id_column": "id",
    "priority": Priority.NORMAL,
    "skip_rows": 0,
    "follow_links": False,
    "allow_partial": False,
    "csv_safe": False,
    "bom": False,
}


def options_of(schedule: Schedule) -> dict[str, Any]:
    """The options that describe a schedule, by their names in Python. Those that have their defaults are left out."""
    request, spec = schedule.request, schedule.request.spec
    prompt, params = spec.prompt, spec.params
    template, values = _parted(prompt.template)
    merge, merge_values = _parted(prompt.merge)
    given = {name: getattr(params, name) for name in params.model_dump(exclude_defaults=True)}
    options: dict[str, Any] = {
        "prompt": template,
        "values": {**values, **merge_values} or None,
        "merge_prompt": merge,
        "system": prompt.system,
        "text_column": prompt.text_column,
        "id_column": prompt.id_column,
        "columns": prompt.columns,
        "format_": request.format,
        "sheet": request.sheet,
        **request.tables.model_dump(),
        "follow_links": request.follow_links,
        "allow_partial": request.allow_partial,
        "priority": spec.priority,
    }
    policy = {name: getattr(schedule.policy, name) for name in RunPolicy.model_fields}
    found = {
        "cron": schedule.cron,
        "tz": schedule.timezone,
        "inputs": request.inputs,
        "model": spec.model,
        **options,
        **given,
        **policy,
    }
    return {name: value for name, value in found.items() if _is_given(name, value)}


def edited(
    schedule: Schedule, changes: Mapping[str, Any], unset: Collection[str], settings: Settings
) -> Schedule:
    """The schedule with some options changed, and some back at their defaults. Raises UsageError."""
    options = _changed(options_of(schedule), changes, unset)
    cron, timezone = options.pop("cron"), options.pop("tz", "UTC")
    settings = settings.model_copy(update={"model": options.pop("model")})
    policy = _policy({name: options.pop(name) for name in RunPolicy.model_fields if name in options})
    kept = {} if "values" in unset else options_of(schedule).get("values", {})
    options["values"] = _values(options, kept, changes.get("values"), settings)
    scheduled, policy = checked_schedule(schedule.name, _request(options), policy, settings, schedule)
    before, prompt = schedule.request.spec, scheduled.spec.prompt
    if _texts(prompt) == _texts(before.prompt):
        prompt = prompt.model_copy(update={"named": before.prompt.named})
    spec = scheduled.spec.model_copy(update={"submitter": before.submitter, "prompt": prompt})
    return schedule.model_copy(
        update={
            "cron": cron,
            "timezone": timezone,
            "request": scheduled.model_copy(update={"spec": spec}),
            "policy": policy,
        }
    )


def _changed(options: dict[str, Any], changes: Mapping[str, Any], unset: Collection[str]) -> dict[str, Any]:
    if not changes and not unset:
        raise InvalidParameter(
            name="qwenq schedule edit", reason="say what to change, as in --cron '0 3 * * *'"
        )
    needed = sorted(set(unset) & set(NEEDED))
    if needed:
        reason = f"every schedule has {' and '.join(needed)}; give other ones instead"
        raise InvalidParameter(name="--unset", reason=reason)
    replaced = {*changes, *unset}
    for group in _ALTERNATIVES:
        replaced |= set(group) if replaced & set(group) else set()
    options = {name: value for name, value in options.items() if name not in replaced}
    if "template" in changes:
        options.pop("merge_prompt", None)
    options |= changes
    if options.get("on_overflow", Overflow.FAIL) != Overflow.SPLIT and "merge_prompt" not in changes:
        options.pop("merge_prompt", None)
    return options


def _values(
    options: Mapping[str, Any], kept: Mapping[str, Any], given: Mapping[str, Any] | None, settings: Settings
) -> dict[str, Any] | None:
    """The values for the prompts: given ones, and those of before that the prompts still use."""
    used = _request({**options, "values": None}).names_used(settings) if kept else frozenset()
    return {name: value for name, value in kept.items() if name in used} | dict(given or {}) or None


def _parted(template: str | None) -> tuple[str | None, dict[str, str | int]]:
    return (None, {}) if template is None else without_values(template)


def _texts(prompt: PromptSpec) -> tuple[str | None, str | None]:
    """Both prompts without the values at their tops: what the name of a template stands for."""
    return _parted(prompt.template)[0], _parted(prompt.merge)[0]


def _request(options: dict[str, Any]) -> JobRequest:
    params = {name: options.pop(name) for name in GenerationParams.model_fields if name in options}
    form, priority = options.pop("format_", None), options.pop("priority", Priority.NORMAL)
    return JobRequest(
        files=options.pop("inputs"),
        format=Format(form) if form else None,
        priority=Priority(priority),
        params=params,
        **options,
    )


def _policy(options: Mapping[str, Any]) -> RunPolicy:
    try:
        return RunPolicy.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0]).replace("_", "-")
        raise InvalidParameter(name=name, reason=why_wrong(first)) from None


def _is_given(name: str, value: Any) -> bool:
    return value is not None and value != () and (name not in _DEFAULTS or value != _DEFAULTS[name])
