"""Templates: ours first, with the header of all pages; then Flower's, without its inline script and style."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from flower.urls import settings as flower_settings
from tornado.template import BaseLoader, Template
from tornado.web import StaticFileHandler

from qwenq.monitor.escaping import visible_html

OUR_TEMPLATES = Path(str(files("qwenq.monitor") / "templates"))
OUR_STATIC = Path(str(files("qwenq.monitor") / "static"))
STATIC_URL = "/qwenq/static/"
FLOWER_TEMPLATES = Path(flower_settings["template_path"])


@dataclass(frozen=True, slots=True)
class _Edit:
    """A text in a template of Flower, and its replacement."""

    found: str
    instead: str


_EDITS = {
    "base.html": _Edit(
        '<link href="{{ static_url(\'css/flower.css\') }}" rel="stylesheet">',
        '<link href="{{ static_url(\'css/flower.css\') }}" rel="stylesheet">\n'
        '<link href="{{ handler.application.asset(\'contrast.css\') }}" rel="stylesheet">\n'
        "<script defer src=\"{{ handler.application.asset('flower_tables.js') }}\"></script>",
    ),
    # Our headers forbid scripts and styles inside a page.
    "worker.html": _Edit('<th style="width: 125px;"></th>', '<th width="125"></th>'),
    "workers.html": _Edit(
        '<script type="text/javascript">\n  var autorefresh = {{ autorefresh }};\n</script>',
        '<script src="{{ handler.application.root }}/qwenq/static/autorefresh.js"'
        ' data-autorefresh="{{ autorefresh }}"></script>',
    ),
}


class Layouts(BaseLoader):
    """Finds a template by name. All of them, Flower's too, write values with `visible_html`."""

    def __init__(self) -> None:
        super().__init__(autoescape=visible_html.__name__, namespace={visible_html.__name__: visible_html})

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Return the name as it is: templates have no folders."""
        del parent_path
        return name

    def _create_template(self, name: str) -> Template:
        ours = OUR_TEMPLATES / name
        text = ours.read_text("utf-8") if ours.exists() else _of_flower(name)
        return Template(text, name=name, loader=self)


def asset_url(path: str) -> str:
    """The URL of a file in static/. It changes when the file does."""
    settings: dict[str, Any] = {"static_path": str(OUR_STATIC), "static_url_prefix": STATIC_URL}
    return StaticFileHandler.make_static_url(settings, path)


def _of_flower(name: str) -> str:
    text = (FLOWER_TEMPLATES / name).read_text("utf-8")
    edit = _EDITS.get(name)
    if edit is None:
        return text
    if text.count(edit.found) != 1:
        raise ValueError(f"Flower's template {name} has changed: it must hold {edit.found!r} once")
    return text.replace(edit.found, edit.instead)
