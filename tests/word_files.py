"""Make Word documents from XML: what python-docx cannot write."""

import io
import zipfile
from collections.abc import Mapping

from qwenq.producer.reading.documents.word.document import read_word

_SPACE = "http://schemas.openxmlformats.org"
SPACES = (
    f'xmlns:w="{_SPACE}/wordprocessingml/2006/main" xmlns:m="{_SPACE}/officeDocument/2006/math" '
    f'xmlns:r="{_SPACE}/officeDocument/2006/relationships" xmlns:mc="{_SPACE}/markup-compatibility/2006" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    f'xmlns:dgm="{_SPACE}/drawingml/2006/diagram" xmlns:a="{_SPACE}/drawingml/2006/main"'
)


def word_of(
    body: str,
    *,
    styles: str | None = None,
    numbering: str | None = None,
    footnotes: str | None = None,
    endnotes: str | None = None,
    embedded: Mapping[str, bytes] | None = None,
) -> bytes:
    """A document with this body. `embedded` are parts that the body names by their names, such as chunk.html."""
    files: dict[str, str | bytes] = {
        "_rels/.rels": _relations({"rId1": ("officeDocument", "word/document.xml", "")}),
        "word/document.xml": f"<w:document {SPACES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": _relations({name: ("aFChunk", name, "") for name in embedded or ()}),
    }
    parts = {"styles": styles, "numbering": numbering, "footnotes": footnotes, "endnotes": endnotes}
    for part, xml in parts.items():
        if xml is not None:
            files[f"word/{part}.xml"] = f"<w:{part} {SPACES}>{xml}</w:{part}>"
    for name, data in (embedded or {}).items():
        files[f"word/{name}"] = data
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return written.getvalue()


def paragraph(text: str, properties: str = "", look: str = "") -> str:
    """A paragraph with one run."""
    run = f"<w:r>{f'<w:rPr>{look}</w:rPr>' if look else ''}<w:t>{text}</w:t></w:r>"
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{run}</w:p>"


def numbered(text: str, level: int = 0, number: int = 1) -> str:
    """A paragraph of a list."""
    return paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def level(depth: int, kind: str, text: str, more: str = "", start: int = 1) -> str:
    """A level of a list."""
    return (
        f'<w:lvl w:ilvl="{depth}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{text}"/>{more}</w:lvl>'
    )


def definition(*levels: str, number: int = 1, overrides: str = "") -> str:
    """A list of these levels."""
    return (
        f'<w:abstractNum w:abstractNumId="{number}">{"".join(levels)}</w:abstractNum>'
        f'<w:num w:numId="{number}"><w:abstractNumId w:val="{number}"/>{overrides}</w:num>'
    )


def blocks(body: str, **parts: object) -> list[str]:
    """The blocks that are read of such a document."""
    return read_word(word_of(body, **parts)).text.split("\n\n")  # type: ignore[arg-type]


def _relations(relations: Mapping[str, tuple[str, str, str]]) -> str:
    written = "".join(
        f'<Relationship Id="{name}" Type="{_SPACE}/officeDocument/2006/relationships/{kind}" Target="{target}"{mode}/>'
        for name, (kind, target, mode) in relations.items()
    )
    return f'<Relationships xmlns="{_SPACE}/package/2006/relationships">{written}</Relationships>'
