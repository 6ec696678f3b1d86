"""Find out the encoding of a text table, and give its bytes in one whose ASCII is ASCII.

A mark decides, or the pattern of zero bytes, or that the text is UTF-8. Otherwise the encoding is guessed from the
lines with other bytes than ASCII, and used only if it is sure. Until the first such line, all encodings agree: so
nothing is decided before it, even in line 100,000.
"""

import codecs
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from qwenq.producer.reading.sources.unpacking import BrokenOff

UTF8 = "utf-8"
GIVE_IT = "give it with --encoding"
EVIDENCE_BYTES = 32 * 1024
"""Lines that show the encoding, at most."""
AHEAD_BYTES = 1 << 20
"""How far to look for such lines behind the first one."""
# UTF-32's little-endian mark begins with UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_FEW_CHARS = 512
_LEAST_SHARE = 0.05
_LEAST_ASCII = 3


def marked(head: bytes) -> tuple[str, int] | None:
    """The encoding by a byte order mark, and the mark's length; None without a mark."""
    return next(((name, len(mark)) for mark, name in _MARKS if head.startswith(mark)), None)


def wide_without_mark(head: bytes) -> str | None:
    """UTF-16 or UTF-32, if the zero bytes in the beginning stand as in these; else None."""
    if b"\0" not in head:
        return None
    for name in _WIDE:
        width = 4 if "32" in name else 2
        whole = head[: len(head) // width * width]
        try:
            text = whole.decode(name)
        except UnicodeDecodeError as error:
            # The end may cut a pair of surrogates.
            if error.start < len(whole) - 2 or not whole[: error.start]:
                continue
            text = whole[: error.start].decode(name)
        ends = sum(map(head.count, (b"\n", b"\r")))
        if sum(map(text.count, "\n\r")) * 2 < ends:
            continue
        few = text[:_FEW_CHARS]
        ascii_chars = list(filter(str.isascii, few))
        enough = len(ascii_chars) >= _LEAST_SHARE * len(few) and len(set(ascii_chars)) >= _LEAST_ASCII
        if enough and all(map(_is_text, text[:4096])):
            return name
    return None


def _is_text(char: str) -> bool:
    return char in "\t\r\n\ufeff" or unicodedata.category(char) not in {"Cc", "Cn", "Co", "Cs"}


def keeps_ascii(encoding: str) -> bool:
    """Whether lines and delimiters can be found in the bytes of this encoding."""
    try:
        return all(char.encode(encoding) == char.encode() for char in '\n\r,;\t|"09azAZ')
    except UnicodeError:
        return False


def as_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same text in UTF-8. What cannot be decoded becomes bytes that are not UTF-8, so its row is bad."""
    decoder = codecs.getincrementaldecoder(encoding)(_MARKED)
    for block in blocks:
        yield decoder.decode(block).encode(UTF8, "surrogatepass")
    yield decoder.decode(b"", final=True).encode(UTF8, "surrogatepass")


def _as_surrogate(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


_MARKED = "qwenq.surrogate"
codecs.register_error(_MARKED, _as_surrogate)


class FoundEncoding:
    """The encoding of lines whose ASCII is ASCII. `name` is UTF-8 until other bytes show another one.

    `original` is that of the file, if its bytes were brought into UTF-8. `rivals` read the text so far like `name`;
    they may differ later. `readings` are possible encodings, each with a word as it reads it, if none is sure.
    `note` says what was found out; `tell` gets it.
    """

    def __init__(self) -> None:
        self.name = UTF8
        self.original = UTF8
        self.is_guessed = False
        self.rivals: Sequence[str] = ()
        self.readings: Sequence[tuple[str, str]] = ()
        self.note: str | None = None
        self.tell: Callable[[str], object] = str

    def decided(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks. The encoding is decided before the first block that is not ASCII."""
        source = iter(blocks)
        for block in source:
            if block.isascii():
                yield block
                continue
            held, broken = _ahead(block, source)
            self._decide(b"".join(held))
            yield from held
            if broken is not None:
                raise broken
            break
        yield from source

    def _decide(self, data: bytes) -> None:
        if _mostly_utf8(data):
            return
        from qwenq.producer.reading.tables.guessing import guess

        found = guess(evidence_of(data))
        if found.encoding is None:
            self.readings = found.readings
            bad = "its encoding is not sure, so rows that are not UTF-8 are bad"
            self.note = f"{bad}; {GIVE_IT}{self._shown_readings()}"
        else:
            self.name, self.rivals, self.is_guessed = found.encoding, found.rivals, True
            self.note = f"read as {self.name}"
        self.tell(self.note)

    def _shown_readings(self) -> str:
        shown = ", ".join(f"{name} reads {word!r}" for name, word in self.readings)
        return f": {shown}" if shown else ""

    def why_undecodable(self, raw: bytes) -> str:
        """Why a row with bytes that the encoding does not have is bad, and what to do."""
        if self.readings:
            return f"not valid UTF-8; give its encoding with --encoding{self._shown_readings()}"
        place = ""
        try:
            raw.decode(self.name)
        except UnicodeDecodeError as error:
            place = f" (byte 0x{raw[error.start]:02x})"
        if self.original != UTF8:
            return (
                f"not valid {self.original}; if the whole file has another encoding, give it with --encoding"
            )
        name = "UTF-8" if self.name == UTF8 else self.name
        return f"not valid {name}{place}; if the whole file has another encoding, give it with --encoding"

    def doubt(self, raw: bytes) -> str | None:
        """Why a row is not surely read right in a guessed encoding; None if it is."""
        if raw.isascii():
            return None
        # In a code page of single bytes, no text looks like UTF-8 by chance.
        if self.name.startswith(("cp125", "iso8859", "koi8")) and _is_utf8(raw):
            return f"it is UTF-8, but the file is {self.name}; save the whole file as UTF-8"
        text = raw.decode(self.name, "replace")
        for rival in self.rivals:
            if (other := raw.decode(rival, "replace")) != text:
                ours, theirs = _first_difference(text, other)
                readings = f"{self.name} reads {ours!r}, {rival} reads {theirs!r}"
                return f"its encoding is not sure; {GIVE_IT}: {readings}"
        return None


def _ahead(first: bytes, source: Iterator[bytes]) -> tuple[list[bytes], BrokenOff | None]:
    """The first block that is not ASCII and, unless it is UTF-8, those behind it; and why they broke off."""
    held, size = [first], len(first)
    try:
        while size < AHEAD_BYTES and not _is_utf8(first, cut=True) and (block := next(source, None)):
            held.append(block)
            size += len(block)
    except BrokenOff as broken:
        return held, broken
    return held, None


def evidence_of(data: bytes) -> bytes:
    """The first lines that are not ASCII."""
    lines: list[bytes] = []
    size = 0
    for line in data.replace(b"\r", b"\n").split(b"\n"):
        if not line.isascii() and not _is_utf8(line):
            lines.append(line[:EVIDENCE_BYTES])
            size += len(line)
            if size > EVIDENCE_BYTES:
                break
    return b"\n".join(lines)[:EVIDENCE_BYTES]


def _is_utf8(data: bytes, *, cut: bool = False) -> bool:
    """Whether data is UTF-8; `cut`: its last character may be cut off."""
    try:
        codecs.getincrementaldecoder(UTF8)().decode(data, final=not cut)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(data: bytes) -> bool:
    """Whether most lines that are not ASCII are UTF-8; the others are then damaged."""
    if _is_utf8(data, cut=True):
        return True
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    return sum(map(_is_utf8, lines)) * 2 >= len(lines)


def _first_difference(ours: str, theirs: str) -> tuple[str, str]:
    """The first words that differ."""
    pairs = zip(ours.split(), theirs.split(), strict=False)
    return next(((a[:40], b[:40]) for a, b in pairs if a != b), (ours[:40], theirs[:40]))
