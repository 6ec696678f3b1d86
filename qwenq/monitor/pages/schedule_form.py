"""The form that edits a schedule: its fields, and what a filled-in form changes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qwenq.notices.targets import shown_url
from qwenq.schedules.editing import options_of
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.generation import Sampling
from qwenq.schemas.schedules import CatchUp, Overlap, Schedule

_PROMPT_LINES = 6
_FEW_LINES = 3
_OF_FILES = ("output", "errors")
_OF_TEXT = ("template", "prompt", "values", "system", "notify", *_OF_FILES)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. `name` is the option's name in Python. `lines`: a box of so many lines."""

    name: str
    label: str
    value: str = ""
    lines: int = 0
    choices: tuple[str, ...] = ()
    is_needed: bool = False
    hint: str = ""


def fields_of(schedule: Schedule, *, with_text: bool, with_files: bool) -> list[Field]:
    """The fields with what they hold now; without those for texts and names, or for files that beat writes."""
    options = options_of(schedule)
    values = options.get("values", {})
    found = (
        Field("cron", "Cron line", schedule.cron, is_needed=True),
        Field("tz", "Time zone", schedule.timezone, is_needed=True),
        Field("model", "Model", schedule.request.spec.model, is_needed=True),
        Field("template", "Template", hint="Its name or NAME@VERSION replaces the prompt."),
        Field("prompt", "Prompt", options.get("prompt") or "", _PROMPT_LINES),
        Field("values", "Values", "\n".join(f"{one}={text}" for one, text in values.items()), _FEW_LINES,
              hint="NAME=VALUE, one a line."),
        Field("system", "System message", options.get("system") or "", _FEW_LINES),
        Field("max_new_tokens", "Longest answer, in tokens", str(schedule.request.spec.params.max_new_tokens)),
        Field("sampling", "Sampling", schedule.request.spec.params.sampling, choices=tuple(map(str, Sampling)),
              hint="Where parameters that are not given come from."),
        Field("on_failure_rate", "Share of failed documents above which a run fails",
              _number(schedule.policy.on_failure_rate)),
        Field("catch_up", "Missed runs", schedule.policy.catch_up, choices=tuple(map(str, CatchUp))),
        Field("overlap", "While a run is unfinished", schedule.policy.overlap, choices=tuple(map(str, Overlap))),
        Field("output", "Answers", schedule.policy.output, is_needed=True),
        Field("errors", "Errors", schedule.policy.errors or ""),
        Field("notify", "Notices", "\n".join(map(shown_url, schedule.policy.notify)), _FEW_LINES,
              hint="One URL a line. A line that stays keeps its hidden part."),
    )  # fmt: skip
    left_out = {*(() if with_text else _OF_TEXT), *(() if with_files else _OF_FILES)}
    return [field for field in found if field.name not in left_out]


def mark_of(fields: Sequence[Field]) -> str:
    """A mark of what the fields hold: another one means that somebody changed the schedule meanwhile."""
    held = "\0".join(f"{field.name}={field.value}" for field in fields)
    return hashlib.sha256(held.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_form(
    schedule: Schedule, fields: Sequence[Field], given: Mapping[str, str]
) -> tuple[dict[str, Any], set[str]]:
    """The options that the form changes, and those that it gives their defaults again. Raises InvalidParameter."""
    changes: dict[str, Any] = {}
    unset: set[str] = set()
    for field in fields:
        text = given.get(field.name, field.value).replace("\r\n", "\n")
        text = text if field.lines else text.strip()
        if text == field.value.replace("\r\n", "\n"):
            continue
        if text.strip():
            changes[field.name] = _read(schedule, field, text)
        if not text.strip() or field.name == "values":
            unset.add(field.name)
    return changes, unset


def _read(schedule: Schedule, field: Field, text: str) -> Any:
    match field.name:
        case "values":
            return dict(map(_value, filter(str.strip, text.splitlines())))
        case "notify":
            return _targets(schedule, text)
        case "max_new_tokens":
            return _parsed(int, field, text)
        case "on_failure_rate":
            return _parsed(float, field, text)
        case "cron":
            return " ".join(text.split())
    return text


def _value(line: str) -> tuple[str, str]:
    name, is_given, text = line.partition("=")
    if not is_given:
        raise InvalidParameter(name="Values", reason=f"{line!r} has no =: write NAME=VALUE")
    return name.strip(), text


def _targets(schedule: Schedule, text: str) -> tuple[str, ...]:
    """Where notices go; a line as it was shown stands for the URL that was shown so."""
    left = list(schedule.policy.notify)
    found = []
    for line in text.split():
        whole = next((url for url in left if shown_url(url) == line), None)
        if whole is not None:
            left.remove(whole)
        found.append(whole or line)
    return tuple(found)


def _parsed(kind: type[int] | type[float], field: Field, text: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise InvalidParameter(name=field.label, reason=f"{text!r} is not a number") from None


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
