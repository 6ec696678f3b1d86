"""How templates write a value: as text of HTML, with control characters made visible."""

import re

from tornado.escape import xhtml_escape

from qwenq.schemas.log.visible import visible

_CODE = re.compile("`([^`]+)`")


def visible_html(value: str | bytes) -> str:
    """Escape a value. Characters that reverse the order of text or stay unseen could make it look like another.

    Texts of documents and answers, which are shown as they are, use Tornado's `escape` with `raw` instead.
    """
    return visible(xhtml_escape(value))


def with_code(sentence: str) -> str:
    """Escape a message of ours for `raw`. What stands between backticks becomes code."""
    return _CODE.sub(r"<code>\1</code>", visible_html(sentence))
