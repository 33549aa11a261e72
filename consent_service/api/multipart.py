"""A body of several fields (RFC 7578), in memory: what is personal is written to no file, not even for a moment."""

from collections.abc import Collection

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from consent_service.errors import Malformed


def is_form(content_type: str) -> bool:
    """Whether a body is of this kind."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def read_form(raw: bytes, content_type: str, fields: Collection[str]) -> dict[str, bytes]:
    """Exactly the ``fields``, each once. Raises Malformed for any other, and for what can't be read."""
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise Malformed("The header Content-Type must name the boundary of the fields.")
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]  # a TypedDict of its own
        parser.write(raw)
        parser.finalize()
    except MultipartParseError:
        raise Malformed("The fields of the body can't be read.") from None
    if not reader.over or sorted(reader.names) != sorted(fields):
        raise Malformed(f"The body must have these fields, each once: {', '.join(fields)}.")
    return dict(zip(reader.names, map(bytes, reader.contents), strict=True))


class _Reader:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.contents: list[bytearray] = []
        self.over = False
        self._field = b""
        self._value = b""

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": lambda data, start, end: self.contents[-1].extend(data[start:end]),
            "on_header_begin": self._header,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self.names.append("")
        self.contents.append(bytearray())

    def _header(self) -> None:
        self._field = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self.names[-1] = parse_options_header(self._value)[1].get(b"name", b"").decode("utf-8", "replace")

    def _end(self) -> None:
        self.over = True
