"""Changes to hostile files, which a seed decides."""

import io
import random
import zipfile
from copy import copy

_MOST_CHANGES = 6
_SIZES_FOLLOW = 8
"""The flag of a part whose sizes stand behind it."""


def mutated(name: str, content: bytes, number: int) -> bytes:
    """The file with a few changes; for an archive, mostly to what it holds."""
    drawn = random.Random(f"{name} {number}")
    if zipfile.is_zipfile(io.BytesIO(content)) and drawn.random() < 0.8:
        return _changed_inside(content, drawn)
    return _changed(content, drawn)


def _changed(content: bytes, drawn: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(drawn.randint(1, _MOST_CHANGES)):
        if not data:
            break
        at, length = drawn.randrange(len(data)), drawn.choice([1, 1, 8, 64, 1_000])
        match drawn.randrange(5):
            case 0:
                data[at] = drawn.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * drawn.choice([1, 2, 50])
            case 3:
                data[at : at + length] = drawn.randbytes(length)
            case 4:
                data[at:at] = drawn.choice(
                    [b"<", b">", b'"', b"&", b"\0", b"0", b"99999999", b"/", b"(", b"]]>"]
                )
    return bytes(data)


def _changed_inside(content: bytes, drawn: random.Random) -> bytes:
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        parts = old.infolist()[:100]
        chosen = drawn.choice(parts)
        for part in parts:
            if part is chosen:
                new.writestr(part.filename, _changed(old.read(part), drawn))
            else:
                _copy(part, content, new)
    return written.getvalue()


def _copy(part: zipfile.ZipInfo, content: bytes, new: zipfile.ZipFile) -> None:
    """Copy a part as it is packed: a small one may be huge when it is unpacked."""
    assert new.fp is not None
    begins = part.header_offset
    names = int.from_bytes(content[begins + 26 : begins + 28], "little")
    extra = int.from_bytes(content[begins + 28 : begins + 30], "little")
    packed = begins + 30 + names + extra
    copied = copy(part)
    copied.flag_bits &= ~_SIZES_FOLLOW
    copied.header_offset = new.start_dir
    new.fp.seek(new.start_dir)
    new.fp.write(copied.FileHeader() + content[packed : packed + part.compress_size])
    new.start_dir = new.fp.tell()
    new.filelist.append(copied)
    new.NameToInfo[copied.filename] = copied
