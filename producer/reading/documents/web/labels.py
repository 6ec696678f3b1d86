"""The encodings of web pages, by the labels that browsers know (https://encoding.spec.whatwg.org).

A label often means more than its standard: a page in iso-8859-1 may hold all of windows-1252.
"""

import codecs
import re

from qwenq.producer.reading.documents.plain import decoded, marked

_HEAD_BYTES = 4_096
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_DECLARED = re.compile(
    rb"""<(?:meta\b|\?xml\b)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
# Where browsers differ from Python, which knows most labels.
_BROWSERS = {
    "cp1252": "ansi_x3.4-1968 ascii cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 "
    "iso_8859-1:1987 l1 latin1 us-ascii x-cp1252 windows-1252 cp1252 x-user-defined",
    "cp1250": "x-cp1250",
    "cp1251": "x-cp1251",
    "cp1253": "x-cp1253",
    "cp1254": "csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 x-cp1254",
    "cp1255": "x-cp1255",
    "cp1256": "x-cp1256",
    "cp1257": "x-cp1257",
    "cp1258": "x-cp1258",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp866": "866 csibm866 ibm866",
    "iso8859_8": "csiso88598e csiso88598i hebrew iso-8859-8-e iso-8859-8-i logical visual",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "euc_jp": "cseucpkdfmtjapanese x-euc-jp",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
    "windows-949",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "koi8_r": "cskoi8r koi koi8 koi8_r",
    "koi8_u": "koi8-ru",
    "mac_roman": "csmacintosh mac macintosh x-mac-roman",
    "mac_cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 utf8 utf-16 utf-16be utf-16le unicode "
    "iso-10646-ucs-2 ucs-2 unicodefffe unicodefeff csunicode",
}
_BY_LABEL = {label: name for name, labels in _BROWSERS.items() for label in labels.split()}
# All bytes of these are ASCII, so UTF-8 would fit too.
_SEVEN_BIT = frozenset({"iso2022_jp", "hz"})


def decoded_page(data: bytes) -> str:
    """Decode a page: by its mark, as UTF-8, as it declares, or by guessing. Raises UnreadableDocument."""
    declared = _declared(data)
    if declared in _SEVEN_BIT and not marked(data):
        return data.decode(declared, "replace")
    return decoded(data, declared)


def encoding_of_label(label: str) -> str | None:
    """Python's name of the encoding behind a label; None for one that nobody knows."""
    label = label.strip().lower()
    try:
        return codecs.lookup(_BY_LABEL.get(label, label)).name
    except LookupError:
        return None


def _declared(data: bytes) -> str | None:
    found = _DECLARED.search(_COMMENT.sub(b"", data[:_HEAD_BYTES]))
    return encoding_of_label(found[1].decode("ascii", "replace")) if found else None
