"""What a shell offers for an argument or option when somebody presses the tab key.

Nothing is said and nothing is made meanwhile: where something is away, nothing is offered.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path

import click
from click.shell_completion import CompletionItem

NEWEST_JOBS = 50
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_files(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Leave it to the shell, which completes files and folders."""
    return [CompletionItem(typed, type="file")]


def _beginning(typed: str, found: Iterable[tuple[object, str]]) -> list[CompletionItem]:
    return [CompletionItem(str(value), help=text) for value, text in found if str(value).startswith(typed)]


def _offering(find: Callable[[], Iterable[tuple[object, str]]]) -> Complete:
    """Offer what `find` gives, values with a text each; nothing if it fails."""

    @wraps(find)
    def complete(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        try:
            return _beginning(typed, find())
        except Exception:  # noqa: BLE001 - an error would stand in the middle of the command line
            return []

    return complete


@_offering
def complete_jobs() -> Iterable[tuple[object, str]]:
    """Offer the newest jobs, with state and name."""
    from qwenq import api

    return [(job.id, f"{job.state}, {' '.join(job.name.split())}") for job in api.jobs(NEWEST_JOBS)]


@_offering
def complete_schedules() -> Iterable[tuple[object, str]]:
    """Offer the schedules."""
    from qwenq.schemas.settings import load_settings
    from qwenq.store.database.opening import open_made_store
    from qwenq.store.views.schedules.schedules import all_schedules

    with open_made_store(load_settings()) as store, store.reading() as connection:
        return [(schedule.name, schedule.cron) for schedule in all_schedules(connection)]


@_offering
def complete_templates() -> Iterable[tuple[object, str]]:
    """Offer the built-in and the saved prompts."""
    from qwenq.actions.templates import saved_templates
    from qwenq.schemas.settings import load_settings
    from qwenq.schemas.templates.builtin import builtin_templates

    built_in = [(template.name, template.description) for template in builtin_templates()]
    return [*built_in, *((one.name, f"version {one.version}") for one in saved_templates(load_settings()))]


@_offering
def complete_error_codes() -> Iterable[tuple[object, str]]:
    """Offer the codes with which documents fail."""
    from qwenq.schemas.errors import DocumentFailed

    return sorted({(kind.code, "") for kind in DocumentFailed.__subclasses__()})


def complete_models(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Offer the models in the hub's cache and those of the newest jobs; where none begins so, folders."""
    found = [*_cached_models(context, parameter, typed), *_models_of_jobs(context, parameter, typed)]
    models = {item.value: item for item in found}
    return [models[name] for name in sorted(models)] or [CompletionItem(typed, type="dir")]


@_offering
def _cached_models() -> Iterable[tuple[object, str]]:
    from huggingface_hub.constants import HF_HUB_CACHE

    folders = Path(HF_HUB_CACHE).glob("models--*")
    return [(folder.name.removeprefix("models--").replace("--", "/"), "in the cache") for folder in folders]


@_offering
def _models_of_jobs() -> Iterable[tuple[object, str]]:
    from qwenq import api

    return {(job.model, "of a job") for job in api.jobs(NEWEST_JOBS)}
