"""Read a form with a file as it arrives, so that the file is never whole in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from qwenq.server.limits import MOST_FIELD_BYTES, MOST_FIELDS
from qwenq.server.refusals import Refused


@dataclass(slots=True)
class FilePart:
    """The file of a form: its name, and the bytes that arrived and were not taken yet."""

    name: str
    waiting: list[bytes] = field(default_factory=list)
    is_whole: bool = False


class Form:
    """A form that arrives in pieces. Every method raises Refused for a form that is broken or too large."""

    def __init__(self, content_type: str, file_field: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise Refused(400, "The request must be multipart/form-data with a boundary.")
        self.fields: dict[str, str] = {}
        self.file: FilePart | None = None
        self.is_whole = False
        self._file_field = file_field
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._part: FilePart | bytearray | None = None
        self._parts = 0
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _broken(error) from None

    def add(self, piece: bytes) -> None:
        """Add the next piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _broken(error) from None

    def end(self) -> None:
        """Check that the body was whole."""
        if not self.is_whole:
            raise Refused(400, "The form ends before its last boundary: the upload was broken off.")

    def taken(self) -> Iterator[bytes]:
        """The bytes of the file that arrived since the last call."""
        if self.file is not None:
            waiting, self.file.waiting = self.file.waiting, []
            yield from waiting

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_FIELDS:
            raise Refused(400, f"The form has more than {MOST_FIELDS} fields.")
        self._headers = {}
        self._part = None

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name")
        if name is None:
            raise Refused(400, "A part of the form has no name.")
        self._name = _text(name)
        if self._name == self._file_field and self.file is None:
            self.file = FilePart(_text(options.get(b"filename", b"")))
            self._part = self.file
        elif b"filename" not in options:
            self._part = bytearray()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if isinstance(self._part, FilePart):
            self._part.waiting.append(data[start:end])
        elif self._part is not None:
            self._part += data[start:end]
            if len(self._part) > MOST_FIELD_BYTES:
                message = f"The field is longer than {MOST_FIELD_BYTES:,} bytes."
                raise Refused(400, message, param=self._name)

    def _end_part(self) -> None:
        if isinstance(self._part, FilePart):
            self._part.is_whole = True
        elif self._part is not None:
            self.fields.setdefault(self._name, _text(bytes(self._part)))

    def _end(self) -> None:
        self.is_whole = True


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\0", "")


def _broken(error: FormParserError) -> Refused:
    return Refused(400, f"The form cannot be read: {str(error)[:200]}")
