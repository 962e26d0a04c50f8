"""Tables for notebooks. Everything in them is text: nothing of an answer becomes markup."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from ..values import Json
from ..visible import visible

__all__ = ["html_table"]


def html_table(caption: str, rows: Mapping[str, Json]) -> str:
    """Return a table with a name and a value in each row; values other than strings are shown as JSON."""
    cells = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{_text(name)}</th>'
        f'<td style="text-align:left"><pre style="margin:0;white-space:pre-wrap">{_text(value)}</pre></td></tr>'
        for name, value in rows.items()
    )
    return f"<table><caption>{_text(caption)}</caption>{cells}</table>"


def _text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return html.escape(visible(text))
