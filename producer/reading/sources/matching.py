"""Whether a job's inputs would find a file at some path, such as its own output at the next run."""

import glob
import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from qwenq.producer.object_stores import is_url
from qwenq.producer.reading.sources.listing import is_shown, parts_of_pattern
from qwenq.producer.reading.sources.remote import path_before_pattern

_ANY_DEPTH = "**"


def finds(name: str, path: str) -> bool:
    """Whether a folder or a pattern `name` would find a file at `path`, which need not exist. Both may be URLs."""
    if is_url(name) != is_url(path):
        return False
    if is_url(name):
        return _finds_object(_without_protocol(name), _without_protocol(path))
    place = _place(path)
    if os.path.lexists(name) or not glob.has_magic(name):
        folder = Path(os.path.realpath(name))
        return (
            place.is_relative_to(folder) and place != folder and _all_shown(place.relative_to(folder).parts)
        )
    before = path_before_pattern(name)
    folder = Path(os.path.realpath(before or "."))
    parts = parts_of_pattern(name.removeprefix(before))
    return place.is_relative_to(folder) and _matches(parts, place.relative_to(folder).parts)


def _place(path: str) -> Path:
    """The real folder of a path, and its name: a file that is written replaces a link in its place."""
    folder, file = os.path.split(path)
    return Path(os.path.realpath(folder or "."), file)


def _finds_object(name: str, path: str) -> bool:
    before = path_before_pattern(name) if glob.has_magic(name) else name.rstrip("/") + "/"
    if not path.startswith(before):
        return False
    parts, segments = (
        parts_of_pattern(name.removeprefix(before)),
        PurePosixPath(path.removeprefix(before)).parts,
    )
    return _matches(parts, segments) if glob.has_magic(name) else _all_shown(segments)


def _without_protocol(url: str) -> str:
    return url.partition("://")[2]


def _matches(parts: Sequence[str], segments: Sequence[str]) -> bool:
    """Whether the parts of a pattern match the segments of a path; of a matching folder, all files count."""
    if not parts:
        return _all_shown(segments)
    if not segments:
        return False
    part, rest = parts[0], parts[1:]
    if part == _ANY_DEPTH:
        if not rest:
            return _all_shown(segments)
        return _matches(rest, segments) or (_all_shown(segments[:1]) and _matches(parts, segments[1:]))
    first = segments[0]
    if not fnmatch(first, part) or (first.startswith(".") and not part.startswith(".")):
        return False
    return _matches(rest, segments[1:])


def _all_shown(segments: Sequence[str]) -> bool:
    """Whether no folder or file is hidden: hidden ones are left out of the reading."""
    return is_shown("/".join(segments))
