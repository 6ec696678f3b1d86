"""Parts embedded in a Word document (altChunk): programs write HTML, text or whole documents, and Word inserts them."""

import posixpath
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.plain import decoded, read_plain
from qwenq.producer.reading.documents.web.labels import encoding_of_label
from qwenq.producer.reading.documents.web.page import read_web, text_of_html
from qwenq.producer.reading.documents.word.elements import name_of
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from lxml.etree import _Element

    from qwenq.producer.reading.documents.word.package import Package, Relation

MOST_CHARS = 64 * 1024 * 1024
"""The most text that embedded parts may give: one part may be inserted many times."""
_KINDS = {
    "text/html": "html", "application/xhtml+xml": "html", ".htm": "html", ".html": "html", ".xhtml": "html",
    "text/plain": "text", ".txt": "text",
    "message/rfc822": "mht", "multipart/related": "mht", "application/x-mimearchive": "mht",
    ".mht": "mht", ".mhtml": "mht",
    ".docx": "docx", ".docm": "docx", ".dotx": "docx",
}  # fmt: skip
_WORD_TYPES = ("wordprocessingml", "ms-word.document.macroenabled")
_ADVICE = "open it in Word and save it again, which puts the embedded text in its place"


class Embedded:
    """The texts of embedded parts. `read_document` reads those that are Word documents."""

    def __init__(self, package: "Package", read_document: Callable[[bytes], str]) -> None:
        self._package = package
        self._read_document = read_document
        self._texts: dict[str, str] = {}
        self._chars = 0

    def chunk(self, relation: "Relation | None") -> str:
        """The text of an embedded part. Raises UnreadableDocument if it cannot be had."""
        if relation is None or relation.is_outside or not self._package.has(relation.target):
            raise UnreadableDocument(reason=f"a part of its text is not in the file; {_ADVICE}")
        return self._once(relation.target, self._chunk)

    def diagram(self, relation: "Relation | None") -> str:
        """The texts in a diagram (SmartArt), a line each."""
        if relation is None or relation.is_outside or not self._package.has(relation.target):
            return ""
        return self._once(relation.target, lambda part: "\n".join(_lines(self._package.tree(part))))

    def _once(self, part: str, read: Callable[[str], str]) -> str:
        if part not in self._texts:
            self._texts[part] = read(part)
        self._chars += len(self._texts[part])
        if self._chars > MOST_CHARS:
            raise UnreadableDocument(reason=f"embedded parts repeat more than {MOST_CHARS >> 20} MiB of text")
        return self._texts[part]

    def _chunk(self, part: str) -> str:
        kind = _kind(part, self._package.type_of(part))
        data = self._package.read(part)
        try:
            return self._read(part, kind, data)
        except UnreadableDocument as error:
            # Word knows the encoding; the reasons of files have other advice.
            why = error.reason.partition(";")[0]
            if _ADVICE in error.reason:
                raise
            raise UnreadableDocument(reason=f"an embedded part cannot be read: {why}; {_ADVICE}") from None

    def _read(self, part: str, kind: str | None, data: bytes) -> str:
        match kind:
            case "html":
                return read_web(data).text
            case "text":
                return read_plain(data).text
            case "mht":
                return _of_web_archive(data)
            case "docx":
                return self._read_document(data)
        shown = posixpath.splitext(part)[1] or self._package.type_of(part) or "an unknown kind"
        raise UnreadableDocument(reason=f"a part of its text is embedded as {shown}; {_ADVICE}")


def subdocument(relations: Mapping[str, "Relation"], name: str | None) -> str:
    """The reason why a master document cannot be read: its text stands in other files."""
    relation = relations.get(name or "")
    where = f" ({posixpath.basename(relation.target)})" if relation else ""
    return f"a part of its text stands in another file{where}; open it in Word, expand and unlink its subdocuments"


def _kind(part: str, content_type: str) -> str | None:
    plain = content_type.partition(";")[0].strip()
    if any(one in plain for one in _WORD_TYPES):
        return "docx"
    return _KINDS.get(plain) or _KINDS.get(posixpath.splitext(part)[1].lower())


def _of_web_archive(data: bytes) -> str:
    """The text of a web page that was saved with its pictures (MHT)."""
    body = message_from_bytes(data, policy=policy.default).get_body(("related", "html", "plain"))
    while body is not None and body.is_multipart():
        body = next(iter(body.iter_parts()), None)
    content = body.get_payload(decode=True) if body is not None else None
    if body is None or not isinstance(content, bytes):
        raise UnreadableDocument(reason=f"an embedded web page has no text; {_ADVICE}")
    charset = body.get_content_charset()
    text = decoded(content, encoding_of_label(charset) if charset else None)
    return text if body.get_content_type() == "text/plain" else text_of_html(text)


def _lines(root: "_Element") -> list[str]:
    paragraphs = ("".join(text.text or "" for text in one.iter("{*}t")) for one in root.iter("{*}p"))
    return [line for line in paragraphs if line.strip()] if name_of(root) == "dataModel" else []
