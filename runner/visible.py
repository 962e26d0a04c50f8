r"""Text from elsewhere (a model, a file, its name, a server), made safe to show.

A model's answer may contain escape sequences that move the cursor or rename the window, bidirectional controls that
reorder the text (CVE-2021-42574), and invisible characters. They are shown as escapes: `\x1b`, `\u202e`.
"""

from __future__ import annotations

import re
from functools import cache

__all__ = ["json_visible", "one_line", "visible"]

# Controls (C0, DEL, C1), bidirectional controls, line and paragraph separators, lone surrogates, and characters that take
# no room on a screen: soft hyphen, joiners, fillers, zero-width spaces, invisible operators, tags, variation selectors
# except the two for emoji. The two joiners stay between characters of a script that needs them, and within an emoji.
_HARMFUL = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffc"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|[\u200c\u200d](?=[\x00-\x7f\u200c\u200d]|$)|(?:^|(?<=[\x00-\x7f]))[\u200c\u200d]"
)


@cache
def _harmful() -> re.Pattern[str]:
    """Return the pattern, compiled on first use: that takes a while, and what is shown is nearly always plain ASCII."""
    return re.compile(_HARMFUL, re.MULTILINE)


def visible(text: str) -> str:
    r"""Return `text` with harmful and invisible characters as escapes; `\n` and `\t` stay as they are."""
    return text if text.isascii() and text.isprintable() else _harmful().sub(_spelt, text)


def one_line(text: str) -> str:
    """Return the visible text on one line, with each run of white space as one space."""
    return visible(" ".join(text.split()))


def json_visible(text: str) -> str:
    r"""Return a JSON document with the same characters as `\u` escapes; its value does not change.

    JSON allows these characters only inside strings.
    """
    return text if text.isascii() and text.isprintable() else _harmful().sub(_escaped, text)


def _spelt(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
