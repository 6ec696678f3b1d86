"""How templates write a value: as text of HTML, with control characters made visible."""

from tornado.escape import xhtml_escape

from qwenq.schemas.log.visible import visible


def visible_html(value: str | bytes) -> str:
    """Escape a value. Characters that reverse the order of text or stay unseen could make it look like another.

    Texts of documents and answers, which are shown as they are, use Tornado's `escape` with `raw` instead.
    """
    return visible(xhtml_escape(value))
