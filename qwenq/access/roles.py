"""Who may request what: the roles, and a row for each route. A route without a row serves nobody."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a visitor may do: look, look and act, or read /metrics."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request. `name` stands in the log as `by`."""

    name: str
    role: Role


_LOOK = frozenset({Role.VIEWER, Role.OPERATOR})
_ACT = frozenset({Role.OPERATOR})
_MEASURE = frozenset(Role)
_NOBODY: frozenset[Role] = frozenset()

_FLOWERS = ("GET", "OPTIONS")
_OURS = ("GET", "HEAD", "OPTIONS")
_FILES = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Rule:
    """A route's row. `for_sign_in`: with OAuth, requests without a visitor need it to sign in."""

    path: str
    methods: tuple[str, ...]
    roles: frozenset[Role]
    for_sign_in: bool = False


RULES = (
    Rule(r"/jobs", _OURS, _LOOK),
    Rule(r"/jobs/", ("GET",), _LOOK),
    Rule(r"/jobs/[0-9]+", _OURS, _LOOK),
    Rule(r"/jobs/[0-9]+/(documents|report)", _OURS, _LOOK),
    Rule(r"/jobs/[0-9]+/documents/[0-9]+", _OURS, _LOOK),
    Rule(r"/jobs/[0-9]+/(results\.jsonl|results\.csv|errors\.jsonl)", _OURS, _LOOK),
    Rule(r"/jobs/[0-9]+/(cancel|pause|resume|retry)", ("POST",), _ACT),
    Rule(r"/schedules", _OURS, _LOOK),
    Rule(r"/schedules/[0-9]+", _OURS, _LOOK),
    Rule(r"/schedules/[0-9]+/(run|pause|resume|edit)", ("POST",), _ACT),
    Rule(r"/schedules/[0-9]+/runs/[0-9]+/(again|deliver)", ("POST",), _ACT),
    Rule(r"/fleet", _OURS, _LOOK),
    Rule(r"/help", _OURS, _LOOK),
    Rule(r"/", _FLOWERS, _LOOK),
    Rule(r"/workers", _FLOWERS, _LOOK),
    Rule(r"/worker/.+", _FLOWERS, _LOOK),
    Rule(r"/tasks", _FLOWERS, _LOOK),
    Rule(r"/tasks/datatable", ("GET", "OPTIONS", "POST"), _LOOK),
    Rule(r"/task/.+", _FLOWERS, _LOOK),
    Rule(r"/broker", _FLOWERS, _LOOK),
    Rule(r"/api/(workers|tasks|task/types|queues/length|task/info/.*)", _FLOWERS, _LOOK),
    # Flower's control of workers and tasks, and results, which the store has: off for all roles.
    Rule(r"/api/.*", (), _NOBODY),
    Rule(r"/metrics", _FLOWERS, _MEASURE),
    Rule(r"/healthcheck", _FLOWERS, _MEASURE),
    Rule(r"/static/.*", _FILES, _LOOK, for_sign_in=True),
    Rule(r"/qwenq/static/.*", _FILES, _LOOK, for_sign_in=True),
    Rule(r"/(favicon\.ico|robots\.txt)", _FILES, _LOOK),
    Rule(r"/login/?", _FLOWERS, _LOOK, for_sign_in=True),
    Rule(r"/logout", _FLOWERS, _LOOK, for_sign_in=True),
)
_COMPILED = tuple((re.compile(rule.path), rule) for rule in RULES)


def rule_of(path: str) -> Rule | None:
    """The first row that fits a path, without a proxy's prefix; None if no route is known there."""
    return next((rule for pattern, rule in _COMPILED if pattern.fullmatch(path)), None)
