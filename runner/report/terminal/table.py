"""Format plain tables for lists such as `runner models`, `runner cache` and `runner runs`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .terminal_text import cell_width, one_line, shorten

__all__ = ["format_table"]

_GAP = "  "
_NARROWEST = 8


def format_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    width: int | None = None,
) -> str:
    """Return rows under their headers in aligned columns, one line each, without a trailing line end.

    `right` names the headers of right-aligned columns (figures). `width` is the terminal's, in columns: the widest
    columns are shortened to fit, marked with an ellipsis; None (a pipe, a file) shortens nothing. Raises ValueError if
    a row has another number of cells than there are headers.
    """
    lines = [list(headers), *([one_line(cell) for cell in row] for row in rows)]
    columns = list(zip(*lines, strict=True))
    widths = [max(map(cell_width, column)) for column in columns]
    if width is not None:
        _narrow(widths, width - len(_GAP) * (len(widths) - 1))
    return "\n".join(
        _GAP.join(
            _aligned(shorten(cell, size), size, to_right=header in right)
            for cell, size, header in zip(line, widths, headers, strict=True)
        ).rstrip()
        for line in lines
    )


def _narrow(widths: list[int], room: int) -> None:
    """Narrow the widest columns until all fit into `room`, or none is wider than the narrowest useful width."""
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1


def _aligned(cell: str, width: int, *, to_right: bool) -> str:
    space = " " * (width - cell_width(cell))
    return space + cell if to_right else cell + space
