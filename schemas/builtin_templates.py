"""The prompt templates that come with qwenq: one file each in `templates/`.

The first comment of a file says in one line what it does, the second which columns it reads.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UnknownTemplate

FOLDER = Path(__file__).parent / "templates"
_COMMENTS = re.compile(r"\{# (?P<description>.+?) #\}\n\{# (?P<columns>.+?) #\}\n")


@dataclass(frozen=True, slots=True)
class BuiltinTemplate:
    """A template by name, what it is for, the columns that it reads, and its Jinja2 text."""

    name: str
    description: str
    columns: str
    text: str


def builtin_templates() -> tuple[BuiltinTemplate, ...]:
    """All of them, by name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.j2")))


def builtin_template(name: str) -> BuiltinTemplate:
    """The one of that name. Raises UnknownTemplate, which lists the names."""
    templates = {template.name: template for template in builtin_templates()}
    if name not in templates:
        raise UnknownTemplate(name=name, known=", ".join(templates))
    return templates[name]


def _read(path: Path) -> BuiltinTemplate:
    text = path.read_text("utf-8")
    comments = _COMMENTS.match(text)
    if comments is None:
        raise ValueError(f"{path.name} does not begin with its two comments")
    return BuiltinTemplate(path.stem, comments["description"], comments["columns"], text)
