"""A text with every kind of character that a screen, a log or a reader must not be given raw."""

from __future__ import annotations

import re

__all__ = ["EVERY", "HOSTILE", "RAW", "YAML"]

EVERY = [chr(code) for code in (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))]
EVERY += [
    chr(code)
    for code in (0xAD, 0x61C, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0xFEFF, 0xFFF9, 0xFFFB)
]
EVERY += [chr(code) for code in (*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xD800, 0xDC9B, 0xDFFF)]
EVERY += [chr(code) for code in (0x3164, 0xE0001, 0xE0020, 0xE0041, 0xE007F, 0xE0100)]

RAW = re.compile("[" + "".join(re.escape(each) for each in EVERY if each not in "\u200c\u200d") + "]")

SEQUENCES = (
    "\x1b]0;PWNED\x07\x1b[2J\x1b[31mred\x1b[0m\x1b]52;c;cm0gLXJm\x07\x1b]8;;http://evil/\x1b\\x\x1bP1$r\x1b\\\x9b31m\x9d0;x\x9c"
    "\r\n::add-mask::x\n  ::stop-commands::zz\r::set-output name=a::b\n##[error]x\n##vso[task.setvariable variable=a]b\n"
    "</details></pre><script>alert(1)</script> @octocat [x](javascript:alert(1)) ![i](http://evil/i.png) ``` | pipe"
)

HOSTILE = SEQUENCES + "a" + "b".join(each for each in EVERY if not 0xD800 <= ord(each) <= 0xDFFF) + "c"

YAML = (
    '"'
    + "".join(
        each if each.isascii() and each.isprintable() and each not in '"\\' else f"\\U{ord(each):08x}"
        for each in HOSTILE
    )
    + '"'
)
"""The same as a YAML scalar in double quotes, but for what YAML does not take."""
