"""Templates by name: built in, or saved in the store in versions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from qwenq.actions.submitters import submitter_of
from qwenq.actions.text_fields import check_text
from qwenq.schemas.errors import InvalidParameter, UnknownTemplate
from qwenq.schemas.settings import Settings
from qwenq.schemas.templates.builtin import builtin_templates
from qwenq.schemas.templates.saved import SavedTemplate, check_template_name, name_and_version
from qwenq.store.database.opening import open_store
from qwenq.store.database.store import Store, sqlite_file
from qwenq.store.templates import insert_version, newest_versions, versions_of


@dataclass(frozen=True, slots=True)
class NamedTemplate:
    """A template, its merge prompt if it has one, and what a job shows of it."""

    label: str
    text: str
    merge: str | None


def find_template(named: str, settings: Settings) -> NamedTemplate:
    """Find `name` or `name@version`. Raises UnknownTemplate, InvalidParameter, StoreAway."""
    name, version = name_and_version(named)
    built_in = {one.name: one for one in builtin_templates()}
    if name in built_in:
        if version is not None:
            raise InvalidParameter(name="--template", reason=f"{name} is built in, and has no versions")
        return NamedTemplate(name, built_in[name].text, built_in[name].merge)
    versions = saved_versions(name, settings)
    found = next((one for one in versions if version in {None, one.version}), None)
    if found is not None:
        return NamedTemplate(found.label, found.text, found.merge)
    if versions:
        reason = f"{name} has the versions 1 to {versions[0].version}, and no {version}"
        raise InvalidParameter(name="--template", reason=reason)
    known = [*built_in, *(one.name for one in saved_templates(settings))]
    raise UnknownTemplate(name=name, known=", ".join(known))


def saved_templates(settings: Settings) -> Sequence[SavedTemplate]:
    """The newest version of each saved template, by name. Raises StoreAway."""
    with _existing(settings) as store:
        if store is None:
            return ()
        with store.reading() as connection:
            return newest_versions(connection)


def saved_versions(name: str, settings: Settings) -> Sequence[SavedTemplate]:
    """All versions of a saved template, newest first; none if there is no such template. Raises StoreAway."""
    with _existing(settings) as store:
        if store is None:
            return ()
        with store.reading() as connection:
            return versions_of(connection, name)


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved template; `is_new` is False if its newest version was the same already."""

    template: SavedTemplate
    is_new: bool


def save_template(name: str, text: str, merge: str | None, settings: Settings) -> Saved:
    """Save a template as the next version of its name; the versions before stay.

    Raises InvalidParameter, InvalidTemplate, TemplateChanged, StoreAway.
    """
    check_template_name(name)
    if name in {one.name for one in builtin_templates()}:
        raise InvalidParameter(name=f"the name {name!r}", reason="a built-in template has it; choose another")
    _check_prompts(text, merge)
    with open_store(settings) as store:
        with store.reading() as connection:
            newest = next(iter(versions_of(connection, name)), None)
        if newest is not None and (newest.text, newest.merge) == (text, merge):
            return Saved(newest, is_new=False)
        with store.writing() as connection:
            insert_version(connection, name, text, merge, submitter_of(settings))
        with store.reading() as connection:
            return Saved(versions_of(connection, name)[0], is_new=True)


def _check_prompts(text: str, merge: str | None) -> None:
    from qwenq.producer.opening import checked_prompts
    from qwenq.schemas.generation import GenerationParams, Overflow
    from qwenq.schemas.jobs import JobSpec, PromptSpec

    check_text("--prompt", text)
    check_text("--merge-prompt", merge)
    params = GenerationParams(on_overflow=Overflow.SPLIT if merge is not None else Overflow.FAIL)
    checked_prompts(JobSpec(model="any", prompt=PromptSpec(template=text, merge=merge), params=params))


@contextmanager
def _existing(settings: Settings) -> Iterator[Store | None]:
    """Open the store. Yields None if it is embedded and does not exist: looking up a name must not make it."""
    file = sqlite_file(settings)
    if settings.database_url is None and file is not None and not file.exists():
        yield None
        return
    with open_store(settings) as store:
        yield store
