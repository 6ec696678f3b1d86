"""The built-in prompt templates: one file each in `built_in/`.

The first comment of a file says what it does, the second which columns it reads. A file of the same name in `merges/`
merges the answers to the parts of a long document.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from qwenq.schemas.errors import UnknownTemplate

FOLDER = Path(__file__).parent / "built_in"
MERGES = "merges"
_COMMENTS = re.compile(r"\{# (?P<description>.+?) #\}\n\{# (?P<columns>.+?) #\}\n")


@dataclass(frozen=True, slots=True)
class BuiltinTemplate:
    """A template: its name, its purpose, the columns it reads, its Jinja2 text, and its merge prompt if it has one."""

    name: str
    description: str
    columns: str
    text: str
    merge: str | None = None


def builtin_templates() -> tuple[BuiltinTemplate, ...]:
    """All built-in templates, sorted by name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.j2")))


def builtin_template(name: str) -> BuiltinTemplate:
    """Get a template by name. Raises UnknownTemplate, which lists the names."""
    templates = {template.name: template for template in builtin_templates()}
    if name not in templates:
        raise UnknownTemplate(name=name, known=", ".join(templates))
    return templates[name]


def _read(path: Path) -> BuiltinTemplate:
    text = path.read_text("utf-8")
    comments = _COMMENTS.match(text)
    if comments is None:
        raise ValueError(f"{path.name} does not begin with its two comments")
    merge = path.parent / MERGES / path.name
    return BuiltinTemplate(
        path.stem,
        comments["description"],
        comments["columns"],
        text,
        merge.read_text("utf-8") if merge.exists() else None,
    )
