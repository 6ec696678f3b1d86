"""Take markup out of texts that could run in a browser: scripts, frames, `javascript:` and `data:` links.

nh3 parses as browsers do, and decides what is dangerous. What it would take out is cut out of the text itself, so that
everything else stays byte for byte; only if something dangerous is left then, the text becomes what nh3 makes of it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import accumulate
from string import ascii_letters
from typing import Any

import nh3
import orjson

from qwenq.producer.terms.row_texts import changed_texts
from qwenq.schemas.documents import Document, Row

MOST_IDS = 100
"""How many changed documents are named."""
_SCRIPTS = frozenset({"script"})
_DANGEROUS = _SCRIPTS | {
    "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "fencedframe", "base", "noembed", "noframes",
}  # fmt: skip
_EMPTY = frozenset({"frame", "embed", "base"})
_TAG = re.compile(r"<([A-Za-z][^\t\n\f\r />]*)")
_PLACED = re.compile(
    r"<(/?)(html|head|body|frameset|frame|table|caption|colgroup|col|tbody|thead|tfoot|tr|td|th)(?![^\t\n\f\r />])",
    re.IGNORECASE,
)
"""Tags that a parser drops outside of their place, with their attributes."""
_STANDS_FOR = "x-placed-"
_ADDRESS = re.compile(r"^(?:url\(['\"]?|[0-9.]+;url=['\"]?)?(?:javascript|data|vbscript):", re.IGNORECASE)
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u200b\ufeff]+")
_NO_ADDRESS = frozenset(
    {"title", "alt", "value", "placeholder", "name", "id", "class", "label", "summary", "lang"}
)
_MARKDOWN = re.compile(
    r"(?P<before>\]\([ \t\n]*<?|^[ ]{0,3}\[[^\]\n]+\]:[ \t]*<?)(?P<address>(?:\([^\s()]*\)|[^\s()<>])+)"
    r"|<(?P<auto>[A-Za-z]+:[^\s<>]*)>",
    re.MULTILINE,
)


@dataclass(slots=True)
class Sanitized:
    """What was taken out of a batch's documents: how often each kind, out of how many documents, and the first ids."""

    documents: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    custom_ids: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any] | None:
        """What is stored and shown of it; None if nothing was taken out."""
        if not self.documents:
            return None
        return {"documents": self.documents, "removed": dict(self.removed), "custom_ids": self.custom_ids}

    def add(self, custom_id: str, removed: Counter[str]) -> None:
        """Count what was taken out of a document."""
        self.documents += 1
        self.removed += removed
        if len(self.custom_ids) < MOST_IDS:
            self.custom_ids.append(custom_id)


def sanitized_rows(rows: Iterable[Row], tally: Sanitized) -> Iterator[Row]:
    """The rows with dangerous markup taken out of their texts, which is counted in `tally`."""
    for row in rows:
        if not isinstance(row, Document):
            yield row
            continue
        removed: Counter[str] = Counter()
        changed = changed_texts(orjson.loads(row.content), lambda text: sanitized(text, removed))  # noqa: B023
        if not removed:
            yield row
            continue
        tally.add(row.custom_id, removed)
        yield row._replace(content=orjson.dumps(changed).decode())


def sanitized(text: str, removed: Counter[str]) -> str:
    """The text without dangerous markup; counts in `removed` what was taken out, by kind."""
    text = _without_links(text, removed)
    if "<" not in text or _is_harmless(text):
        return text
    cuts = _Cuts(text)
    cut = cuts.cut()
    if _is_harmless(cut):
        removed += cuts.removed
        return cut
    removed += cuts.removed or Counter({"markup": 1})
    return _strict(text)


def _without_links(text: str, removed: Counter[str]) -> str:
    """The text without the addresses of dangerous links in Markdown."""

    def without(found: re.Match[str]) -> str:
        if not _leads_to_code(unescape(found["address"] or found["auto"])):
            return found[0]
        removed["link"] += 1
        return f"{found['before']}#" if found["before"] else ""

    return _MARKDOWN.sub(without, text)


def _is_harmless(text: str) -> bool:
    """Whether nh3 finds nothing dangerous: it makes the same of the text, whether that is allowed or not."""
    return _strict(text) == _cleaned(text, _names_in(text), frozenset(), is_strict=False)


def _strict(text: str) -> str:
    without = _DANGEROUS | {_STANDS_FOR + name for name in _DANGEROUS}
    return _cleaned(text, _names_in(text) - without, without, is_strict=True)


def _names_in(text: str) -> frozenset[str]:
    return frozenset(_lowered(name.replace("\0", "\ufffd")) for name in _TAG.findall(_placed(text)))


def _lowered(name: str) -> str:
    """The name as browsers lower it: no letters but those of ASCII."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def _placed(text: str) -> str:
    """The text with other names for tags that have a place of their own, so that each is looked at."""
    return _PLACED.sub(rf"<\1{_STANDS_FOR}\2", text)


def _cleaned(text: str, tags: frozenset[str], without: frozenset[str], *, is_strict: bool) -> str:
    cleaned = nh3.clean(
        _placed(text),
        tags=set(tags),
        clean_content_tags=set(without),
        attributes={},
        generic_attribute_prefixes={*ascii_letters, "_", ":"},
        attribute_filter=_harmless_value if is_strict else None,
        url_schemes=_schemes_in(text),
        link_rel=None,
        strip_comments=False,
    )
    return cleaned.replace(_STANDS_FOR, "")


def _schemes_in(text: str) -> set[str]:
    """All schemes: what is dangerous is decided by attribute."""
    found = re.findall(r"([A-Za-z][A-Za-z0-9+.-]*)\s*(?::|&)", text)
    return {"javascript", "vbscript", "data", *map(str.lower, found)}


def _harmless_value(_tag: str, name: str, value: str) -> str | None:
    return None if _is_dangerous(name, value) else value


def _is_dangerous(name: str, value: str | None) -> bool:
    """Whether an attribute runs code: a handler, a document of its own, or an address that is code."""
    if name.startswith("on") or name == "srcdoc":
        return True
    is_text = name in _NO_ADDRESS or name.startswith(("data-", "aria-"))
    return not is_text and _leads_to_code(value or "")


def _leads_to_code(address: str) -> bool:
    squeezed = _IGNORED.sub("", address)
    return _ADDRESS.match(squeezed) is not None or "url(javascript:" in squeezed.lower()


class _Cuts(HTMLParser):
    """Finds the parts of a text to cut out: dangerous elements with what is in them, and dangerous attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.removed: Counter[str] = Counter()
        self._text = text
        self._lines = [0, *accumulate(len(line) for line in text.split("\n"))]
        self._spans: list[tuple[int, int, str]] = []
        self._open: list[tuple[str, int]] = []
        self.feed(text)
        self.close()
        if self._open:
            self._spans.append((self._open[0][1], len(text), ""))

    def cut(self) -> str:
        """The text without these parts."""
        kept, end = [], 0
        for first, last, instead in sorted(self._spans):
            if first >= end:
                kept += [self._text[end:first], instead]
            end = max(end, last)
        return "".join([*kept, self._text[end:]])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a dangerous element, or a tag with dangerous attributes."""
        first = self._place()
        if tag in _DANGEROUS:
            if not self._open:
                self.removed["script" if tag in _SCRIPTS else "frame"] += 1
            if tag in _EMPTY:
                self._spans.append((first, first + self._length(), ""))
            else:
                self._open.append((tag, first))
        elif not self._open and any(_is_dangerous(*one) for one in attrs):
            self._change(first, tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Browsers ignore the slash."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a dangerous element."""
        names = [name for name, _ in self._open]
        if tag not in names:
            if tag in _DANGEROUS:
                self._spans.append((self._place(), self._end(), ""))
            return
        place = len(names) - 1 - names[::-1].index(tag)
        if place == 0:
            self._spans.append((self._open[0][1], self._end(), ""))
        del self._open[place:]

    def _change(self, first: int, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write a tag anew, without its dangerous attributes."""
        kept = []
        for name, value in attrs:
            if _is_dangerous(name, value):
                self.removed["handler" if name.startswith("on") else "link"] += 1
            else:
                quoted = (value or "").replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
                kept.append(f" {name}" if value is None else f' {name}="{quoted}"')
        written = self.get_starttag_text() or ""
        end = "/>" if written.endswith("/>") else ">"
        name = written[1 : 1 + len(tag)] or tag
        self._spans.append((first, first + len(written), f"<{name}{''.join(kept)}{end}"))

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + (line - 1) + column

    def _length(self) -> int:
        return len(self.get_starttag_text() or "")

    def _end(self) -> int:
        """Where the tag that begins here ends."""
        found = self._text.find(">", self._place())
        return len(self._text) if found < 0 else found + 1
