"""Decode the bytes of a file (UTF-8 only, with one kind of line end), and turn offsets into lines and columns."""

from __future__ import annotations

from ..errors import EncodingError, Location, SyntaxFileError

__all__ = ["TextError", "decode", "encode_like", "line_starts", "located"]

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def decode(data: bytes, shown: str) -> str:
    r"""Decode `data` as UTF-8; `shown` is the file's name in messages.

    A byte order mark at the start is dropped. `\r\n` and a lone `\r` become `\n`, so that a checkout on Windows
    renders the same bytes as one on Linux.

    Raises EncodingError, with the line and column of the first offending byte, if the bytes are not UTF-8 (RFC 3629)
    or contain a NUL.
    """
    try:  # the usual case, for every row of a file too
        text = data.decode("utf-8")
        if "\0" not in text and not text.startswith("\ufeff"):
            return text if "\r" not in text else _with_line_feeds(text)
    except UnicodeDecodeError:
        pass
    for mark, encoding in _OTHER_BOMS:
        if data.startswith(mark):
            message = f"the file looks like {encoding}, not UTF-8"
            raise EncodingError(message, location=Location(shown, 1, 1), hint="save it as UTF-8")
    data = data.removeprefix(_BOM)
    nul = data.find(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if not 0 <= nul < error.start:
            raise EncodingError(
                f"byte 0x{data[error.start]:02X} is not UTF-8",
                location=_location(data, error.start, shown),
                hint="save the file as UTF-8 (it may be Windows-1252 or Latin-1)",
            ) from None
    if nul >= 0:
        # Western text in UTF-16 has a NUL in every other byte.
        utf_16 = not data[1:200:2].strip(b"\0") or not data[0:200:2].strip(b"\0")
        hint = (
            "it looks like UTF-16: save it as UTF-8"
            if utf_16
            else "remove it, or use another file if this one is binary"
        )
        raise EncodingError("the text contains a NUL byte", location=_location(data, nul, shown), hint=hint)
    return _with_line_feeds(text)


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def encode_like(text: str, before: bytes) -> bytes:
    """Return `text` encoded like the previous content of its file: with the same byte order mark and line ends."""
    mark = _BOM if before.startswith(_BOM) else b""
    return mark + (text.replace("\n", "\r\n") if b"\r\n" in before else text).encode()


class TextError(Exception):
    """An error in YAML or JSON text, and the offset of the character; `located` turns it into an error for users.

    `earlier` is the offset of the other place that matters: the first of two duplicate keys.
    """

    def __init__(
        self, message: str, offset: int, hint: str | None = None, *, earlier: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint
        self.earlier = earlier


def located(error: TextError, text: str, shown: str, first_line: int = 1) -> SyntaxFileError:
    """Return the same error with file, line and column; `text` begins on line `first_line` of the file."""
    message = error.message
    if error.earlier is not None:
        message += f"; the first is on line {text.count(chr(10), 0, error.earlier) + first_line}"
    line = text.count("\n", 0, error.offset) + first_line
    column = error.offset - text.rfind("\n", 0, error.offset)
    return SyntaxFileError(message, location=Location(shown, line, column), hint=error.hint)


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line begins."""
    starts = [0]
    while newline := text.find("\n", starts[-1]) + 1:
        starts.append(newline)
    return starts


def _location(data: bytes, offset: int, shown: str) -> Location:
    """Return the line and column of the byte at `offset`; everything before it is valid UTF-8."""
    before = data[:offset].decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    return Location(shown, before.count("\n") + 1, len(before) - before.rfind("\n"))
