"""Kinds of files that qwenq does not read, by the ending of their names, and what to do with them."""

from pathlib import PurePath

_LEAVE_OUT = "or leave it out with a pattern like '*.pdf'"
_OFFICE = "save it as .docx or PDF"
_SLIDES = "save it as PDF"
_TABLE = "save it as .xlsx or .csv"
_DATABASE = "export its tables as .csv or .jsonl"
_PICTURE = "run text recognition over it, and save it as text"
_SOUND = "write down what is said as .txt"
_MAIL = "save it as .txt or .html, and its attachments as files of their own"
_ARCHIVE = "unpack it, and name the folder"
_KINDS = {
    _OFFICE: (".doc", ".dot", ".docm", ".dotx", ".odt", ".ott", ".rtf", ".pages", ".wpd", ".wps", ".fodt", ".sxw"),
    _SLIDES: (
        ".ppt", ".pptx", ".pptm", ".pps", ".ppsx", ".odp", ".key", ".vsd", ".vsdx", ".xps", ".oxps", ".djvu", ".ps",
        ".eps", ".dwg", ".dxf", ".one", ".pub", ".odg",
    ),
    _TABLE: (".xls", ".xlt", ".xlsb", ".ods", ".numbers", ".dbf", ".sav", ".dta", ".fods"),
    _DATABASE: (".db", ".sqlite", ".sqlite3", ".mdb", ".accdb", ".avro", ".orc", ".feather"),
    _PICTURE: (
        ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".jp2", ".svg", ".avif",
    ),
    _SOUND: (".mp3", ".wav", ".m4a", ".ogg", ".flac", ".mp4", ".mov", ".avi", ".mkv", ".webm"),
    _MAIL: (".eml", ".msg", ".mbox", ".pst", ".emlx"),
    "save it as .html or PDF": (".epub", ".mobi", ".azw3", ".fb2", ".mht", ".mhtml", ".chm"),
    _ARCHIVE: (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".tbz", ".txz", ".cab", ".iso", ".p7m"),
    "unpack it (gunzip or zstd -d)": (".gz", ".zst"),
}  # fmt: skip
_ADVICE = {ending: advice for advice, endings in _KINDS.items() for ending in endings}


def advice_for(name: str) -> str | None:
    """What to do with a file of a known kind that qwenq does not read; None for any other."""
    return _ADVICE.get(PurePath(name.lower()).suffix)


def why_not_read(name: str, *, is_named: bool = False) -> str:
    """Why a file is not read, and what to do. `is_named`: not found in a folder, so it need not be left out."""
    ending = PurePath(name).suffix
    kind = f"{ending} files" if ending else "files without an ending"
    advice = advice_for(name) or "if it is text, give --format text or end its name in .txt; else convert it"
    return f"qwenq does not read {kind}; {advice}" + ("" if is_named else f"; {_LEAVE_OUT}")
