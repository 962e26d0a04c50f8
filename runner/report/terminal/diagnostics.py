"""Format errors and diagnostics as text: location, message, the source line with a caret, and a hint."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import Diagnostic, Location, Problems, RunnerError
from ...masking import mask
from .figures import plural
from .painting import paint
from .terminal_text import cell_width, one_line, visible

__all__ = ["format_diagnostic", "format_error"]

_EXCERPT = 100
_BOLD, _RED, _YELLOW, _CYAN, _BLUE = "1", "1;31", "33", "36", "34"
_SEVERITIES = {"error": _RED, "warning": _YELLOW, "info": _CYAN}


def format_error(
    error: RunnerError,
    *,
    color: bool,
    source_line: Callable[[Location], str | None] = lambda _: None,
    width: int | None = None,
) -> str:
    """Return the error as text for a terminal, without a trailing line end.

        prompts/x.prompt.yaml:12:5: error: unknown key "temprature"
          12 | temprature: 0
             | ^
        hint: did you mean "temperature"?

    `source_line` returns the text of a location's line, or None if it is not available (then there is no excerpt).
    The excerpt takes at most `width` columns, so that a terminal does not wrap it and the caret stays below its column.
    All errors of a `Problems` are shown, followed by their number.
    """
    if isinstance(error, Problems):
        parts = [
            format_error(part, color=color, source_line=source_line, width=width) for part in error.errors
        ]
        return "\n\n".join([*parts, plural(len(parts), "error")])
    where = f"{paint(str(error.location), _BOLD, color=color)}: " if error.location else ""
    lines = [f"{where}{paint('error', _RED, color=color)}: {mask(error.message)}"]
    if error.location is not None:
        text = None if error.secret else source_line(error.location)
        lines += _excerpt(error.location, text, color=color, width=width)
    if error.hint:
        lines.append(_hint(error.hint, color=color))
    return "\n".join(lines)


def format_diagnostic(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """Return `path:line:column: CODE message [severity]`, and the hint on a separate line.

    Location, code and message are not coloured, so that editors and `grep` find them in one piece.
    """
    remark = one_line(mask(f"{diagnostic.location}: {diagnostic.code} {diagnostic.message}"))
    severity = paint(f"[{diagnostic.severity}]", _SEVERITIES[diagnostic.severity], color=color)
    line = f"{remark} {severity}"
    return f"{line}\n  {_hint(diagnostic.hint, color=color)}" if diagnostic.hint else line


def _excerpt(location: Location, text: str | None, *, color: bool, width: int | None) -> list[str]:
    if text is None or location.line is None:
        return []
    source = text.rstrip("\r\n").expandtabs(1)
    column = location.column
    number = str(location.line)
    # "  12 | " and the two ellipses take 7 columns and the number. Fewer wide characters fit.
    room = _EXCERPT if width is None else max(1, width - len(number) - 7)
    most = min(_EXCERPT, room)
    start, end = _around(column, source, most)
    while width is not None and most > 1 and cell_width(visible(source[start:end])) > room:
        most -= 1
        start, end = _around(column, source, most)
    head, tail = ("…" if start else ""), ("…" if end < len(source) else "")
    bar = paint("|", _BLUE, color=color)
    lines = [f"  {paint(number, _BLUE, color=color)} {bar} {head}{visible(source[start:end])}{tail}"]
    if column is not None:
        before = head + visible(source[start : column - 1])
        lines.append(f"  {' ' * len(number)} {bar} {' ' * cell_width(before)}{paint('^', _RED, color=color)}")
    return lines


def _around(column: int | None, source: str, most: int) -> tuple[int, int]:
    """Return the part of `source`, at most `most` characters, that is shown of it: the one around `column`."""
    start = max(0, column - most // 2) if column is not None and len(source) > most else 0
    return start, start + most


def _hint(hint: str, *, color: bool) -> str:
    return f"{paint('hint', _CYAN, color=color)}: {visible(mask(hint))}"
