"""How a text table quotes and escapes: as RFC 4180 says, or as MySQL, PostgreSQL, Python and others do."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

_LINES = 500
_LONE_BACKSLASH = re.compile(r'\\(["\\])|\\')
_NULL = "\\N"
_COPIED = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Quoting:
    r"""How fields are quoted and escaped. `found` says what is unusual.

    `sign` stands around fields; None if nothing does. With `escapes`, a backslash stands before a quote in a field.
    With `nulls`, `\N` is an empty field; with `copied`, `\n` and the like are line ends and tabs, too.
    """

    sign: str | None = '"'
    escapes: bool = False
    nulls: bool = False
    copied: bool = False
    found: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_usual(self) -> bool:
        """Whether it is that of RFC 4180."""
        return self == USUAL

    def records(self, lines: Iterable[str], **options: Any) -> Iterator[list[str]]:
        """The fields of each row, as `csv.reader` gives them with these options."""
        if self.escapes:
            # The csv module drops a backslash before any sign.
            options["escapechar"] = "\\"
            lines = map(partial(_LONE_BACKSLASH.sub, _kept), lines)
        if self.sign is None:
            options["quoting"] = csv.QUOTE_NONE
        else:
            options["quotechar"] = self.sign
        return csv.reader(lines, **options)

    def plain(self, fields: list[str]) -> list[str]:
        """Fields with their nulls and escapes resolved."""
        if self.nulls:
            fields = ["" if one == _NULL else one for one in fields]
        return [_COPIED.sub(_sign, one) if "\\" in one else one for one in fields] if self.copied else fields


USUAL = Quoting()


def find_quoting(text: str, delimiter: str, *, whole: bool) -> Quoting:
    """Find out how a table's beginning is quoted."""
    lines = [line.rstrip("\r") for line in text.split("\n", _LINES)[:_LINES]]
    if not whole and len(lines) < _LINES:
        lines.pop()
    text = "\n".join(lines)
    cut = re.escape(delimiter)
    sign, escapes, found = '"', False, []
    if "'" in text and not _opens(text, cut, '"') and _is_quoted(lines, delimiter, _SINGLE):
        sign, found = "'", ["its fields stand in single quotes"]
    elif '\\"' in text and _is_escaped(lines, delimiter):
        escapes, found = True, ["a backslash stands before quotes in fields"]
    elif delimiter == "\t" and '"' in text and _are_plain(lines, cut):
        sign, found = "", ["quotes are part of its fields"]
    nulls = re.search(rf"(?:^|{cut})\\N(?={cut}|$)", text, re.MULTILINE) is not None
    copied = nulls and delimiter == "\t" and not _opens(text, cut, '"')
    if copied:
        found.append("\\N is read as empty, and \\n, \\t, \\\\ as what they stand for")
    elif nulls:
        found.append("\\N is read as empty")
    return Quoting(sign or None, escapes, nulls, copied, tuple(found))


def _opens(text: str, cut: str, sign: str) -> int:
    """How many fields begin with a sign."""
    return len(re.findall(rf"(?:^|{cut}){sign}", text, re.MULTILINE))


def _closed(text: str, cut: str, sign: str) -> int:
    """How many fields stand in a sign."""
    return len(
        re.findall(rf"(?:^|{cut}){sign}(?:[^{sign}]|{sign}{sign})*+{sign}(?={cut}|$)", text, re.MULTILINE)
    )


def _is_quoted(lines: list[str], delimiter: str, quoting: Quoting) -> bool:
    """Whether a sign quotes fields: most rows have it, or need it to be cut alike, and it closes each that it opens."""
    text, cut, sign = "\n".join(lines), re.escape(delimiter), str(quoting.sign)
    closed, rows = _closed(text, cut, sign), sum(map(bool, lines))
    if not closed or closed != _opens(text, cut, sign):
        return False
    is_usual = closed > 1 and closed * 2 >= rows - 1
    return is_usual or len(_widths(lines, delimiter, quoting)) < len(_widths(lines, delimiter, USUAL))


def _widths(lines: list[str], delimiter: str, quoting: Quoting) -> set[int]:
    records = quoting.records((line + "\n" for line in lines), delimiter=delimiter)
    return {len(fields) for fields in records if any(fields)}


def _is_escaped(lines: Iterable[str], delimiter: str) -> bool:
    """Whether quotes behind backslashes break the quoting, unless the backslashes escape them."""
    broken = escaped = 0
    for line in lines:
        if '\\"' in line:
            broken += _breaks(line, delimiter, USUAL)
            escaped += _breaks(line, delimiter, _ESCAPING)
    return broken > 2 * escaped


def _breaks(line: str, delimiter: str, quoting: Quoting) -> bool:
    try:
        list(quoting.records([line + "\n"], delimiter=delimiter, strict=True))
    except csv.Error:
        return True
    return False


def _are_plain(lines: list[str], cut: str) -> bool:
    """Whether more fields begin with a quote than stand in quotes, and each line has as many fields as the first."""
    stray = sum(_opens(line, cut, '"') - _closed(line, cut, '"') for line in lines)
    closed = sum(_closed(line, cut, '"') for line in lines)
    return stray > closed and len({line.count("\t") for line in lines if line.strip()}) == 1


_SINGLE = Quoting("'")
_ESCAPING = Quoting(escapes=True)


def _kept(found: re.Match[str]) -> str:
    return found[0] if found[1] else "\\\\"


def _sign(found: re.Match[str]) -> str:
    return _SIGNS.get(found[1], found[1])
