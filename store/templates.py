"""Saved prompt templates: new versions, and all that there are."""

from typing import Any

from sqlalchemy import Connection, Row, exc, func, insert, select

from qwenq.schemas.errors import TemplateChanged
from qwenq.schemas.tables.templates import templates
from qwenq.schemas.templates.saved import SavedTemplate
from qwenq.store.database.clock import now


def insert_version(connection: Connection, name: str, text: str, merge: str | None, saved_by: str) -> int:
    """Save a template as the next version of its name. Returns the version. Raises TemplateChanged."""
    newest = select(func.max(templates.c.version)).where(templates.c.name == name)
    version = (connection.execute(newest).scalar_one() or 0) + 1
    values = {"name": name, "version": version, "text": text, "merge": merge, "saved_by": saved_by}
    try:
        connection.execute(insert(templates).values(**values, saved_at=now()))
    except exc.IntegrityError:
        raise TemplateChanged(name=name) from None
    return version


def versions_of(connection: Connection, name: str) -> list[SavedTemplate]:
    """All versions of a template, newest first."""
    rows = connection.execute(
        select(templates).where(templates.c.name == name).order_by(templates.c.version.desc())
    )
    return [_as_template(row) for row in rows]


def newest_versions(connection: Connection) -> list[SavedTemplate]:
    """The newest version of each template, by name."""
    newest = select(templates.c.name, func.max(templates.c.version)).group_by(templates.c.name).subquery()
    rows = connection.execute(
        select(templates)
        .join(newest, (templates.c.name == newest.c[0]) & (templates.c.version == newest.c[1]))
        .order_by(templates.c.name)
    )
    return [_as_template(row) for row in rows]


def _as_template(row: Row[Any]) -> SavedTemplate:
    return SavedTemplate(**row._mapping)  # noqa: SLF001
