"""Forty answers that try to be more than text."""

from __future__ import annotations

__all__ = ["HOSTILE"]

HOSTILE = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</SCRIPT ><img src=x onerror=\"document.title='owned'\">",
    "<img src=x onerror=document.title='owned'>",
    "<svg onload=document.title='owned'>",
    "<svg><script>document.title='owned'</script></svg>",
    "<style>*{display:none}</style>",
    "</style><h1>owned</h1>",
    "</title><title>owned",
    "<title>owned</title>",
    "<base href='https://example.org/'>",
    '<meta http-equiv="refresh" content="0;url=https://example.org">',
    "<iframe srcdoc='<script>parent.document.title=1</script>'></iframe>",
    "<object data='javascript:document.title=1'></object>",
    "<a href='javascript:document.title=1'>click</a>",
    "<form action='https://example.org'><input autofocus onfocus=document.title=1></form>",
    "<details open ontoggle=document.title=1>",
    "<body onload=document.title=1>",
    "<!-- comment",
    "--><h1>owned</h1>",
    "<![CDATA[ x ]]>",
    "]]><h1>owned</h1>",
    "<?xml version='1.0'?>",
    "</pre></td></tr></table></section></main></body></html>",
    '" onmouseover="document.title=1',
    "' onmouseover='document.title=1",
    "` onmouseover=document.title=1",
    "&lt;script&gt;document.title=1&lt;/script&gt;",
    "&#60;script&#62;document.title=1&#60;/script&#62;",
    "\\u003cscript\\u003edocument.title=1",
    "${document.title='owned'}",
    "{{constructor.constructor('document.title=1')()}}",
    "$title $blocks $policy ${script}",
    "\0blocks\0",
    "a\u2028document.title='owned'\u2029",
    "\u202eevil\u202c \u2066x\u2069",
    "half a pair \ud83d and \udc00",
    "\x00\x01\x1b[31mred\x1b]0;owned\x07\x7f",
    "__proto__",
    "x" * 1_000_000,
)
assert len(HOSTILE) == 40
