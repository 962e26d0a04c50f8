"""What PyYAML says, in words for the author of a prompt, with a hint what to do."""

from __future__ import annotations

import re

from yaml.error import MarkedYAMLError

from .text import TextError

__all__ = ["explain", "unquoted_template"]

_QUOTE_IT = "put the text in quotes"
_TEMPLATE = re.compile(r"\{\{.*?(?:\}\}|$)", re.MULTILINE)


def explain(error: MarkedYAMLError, text: str) -> TextError:
    """The error behind an error of PyYAML's; libyaml and the Python parser word theirs a little differently."""
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(text)) if mark else 0
    begin = min(error.context_mark.index, len(text)) if error.context_mark else at
    problem, context = error.problem or "", error.context or ""
    line = _line(text, at)
    return (
        _tab(text, at, problem)
        or _open_quote(text, at, begin, problem)
        or _template(text, at, line)
        or _alias(text, at, begin, problem, context)
        or _colon(at, line, problem)
        or _cannot_start(text, at, problem)
        or _escape(text, at, problem)
        or _document(text, at, begin, problem, context)
        or _bracket(text, at, begin, problem)
        or _block_scalar(begin, context)
        or _tag(begin, problem, context)
        or _layout(text, at, problem)
        or TextError(
            "the YAML cannot be read from here on",
            at,
            "check indentation and quotes of this line and the one before",
        )
    )


def unquoted_template(text: str, offset: int) -> TextError:
    """The error of a `{{ ... }}` that begins at `offset` and is not quoted."""
    match = _TEMPLATE.match(text, offset)
    written = match[0].strip() if match else "{{ ... }}"
    quote = "'" if '"' in written else '"'
    return TextError(
        f"{written} is not in quotes, and YAML reads the brace as the start of a mapping",
        offset,
        f"quote the whole text: {quote}{written}{quote}",
    )


def _line(text: str, at: int) -> str:
    """The line of `at`, up to its end."""
    end = text.find("\n", at)
    return text[text.rfind("\n", 0, at) + 1 : len(text) if end < 0 else end]


def _tab(text: str, at: int, problem: str) -> TextError | None:
    if text[at : at + 1] == "\t" or "tab character" in problem:
        return TextError("a tab stands in the indentation", at, "YAML indents with spaces only")
    return None


def _open_quote(text: str, at: int, begin: int, problem: str) -> TextError | None:
    if text[begin : begin + 1] in ("'", '"') and ("end of stream" in problem or "document" in problem):
        return TextError("the quote that opens here is never closed", begin, f"add the closing {text[begin]}")
    return None


def _template(text: str, at: int, line: str) -> TextError | None:
    """A template at the start of a value, or inside `{...}` or `[...]`, cannot go without quotes."""
    start = text.rfind("\n", 0, at) + 1
    if "{{" in line:
        return unquoted_template(text, start + line.index("{{"))
    if "{%" in line:
        return TextError(
            "{% ... %} is not in quotes, and YAML reads the brace as the start of a mapping",
            start + line.index("{%"),
            "quote the whole text, or write it as a block: `content: |-` and the text indented below",
        )
    return None


def _alias(text: str, at: int, begin: int, problem: str, context: str) -> TextError | None:
    if "undefined alias" in problem or "scanning an alias" in context:
        name = re.match(r"\*[^\s,\[\]{}]*", text[begin:])
        return TextError(
            f"{name[0] if name else '*'} is read as a reference to an anchor, and there is no such anchor",
            begin,
            "put the text in quotes if it begins with an asterisk",
        )
    if "scanning an anchor" in context:
        return TextError("an & begins an anchor here, and its name is not one", begin, _QUOTE_IT)
    if "duplicate anchor" in context:
        name = re.match(r"&[^\s,\[\]{}]*", text[at:])
        return TextError(
            f"the anchor {name[0] if name else '&'} is defined twice", at, "give one of the two another name"
        )
    return None


def _colon(at: int, line: str, problem: str) -> TextError | None:
    if "mapping values are not allowed" in problem:
        hint = (
            'a text with a colon and a space in it needs quotes: "like: this"'
            if line.count(":") > 1
            else "check the indentation: this key does not belong to the line above"
        )
        return TextError("a key cannot stand here", at, hint)
    if "could not find expected ':'" in problem:
        return TextError(
            "a line before this has a key without a colon",
            at,
            'write "key: value"; a text over several lines needs `|` or quotes',
        )
    return None


def _cannot_start(text: str, at: int, problem: str) -> TextError | None:
    if "cannot start any token" in problem:
        return TextError(f"a text without quotes cannot begin with {text[at : at + 1]}", at, _QUOTE_IT)
    return None


def _escape(text: str, at: int, problem: str) -> TextError | None:
    if "escape" not in problem and "hexdecimal" not in problem and "hexadecimal" not in problem:
        return None
    at = text.rfind("\\", 0, at + 1)
    if re.match(r"\\u[dD][89a-fA-F]", text[at : at + 4]):
        return TextError(
            f"{text[at : at + 6]} is half a character",
            at,
            "write the character itself, or \\U and its eight hexadecimal digits",
        )
    return TextError(
        f"{text[at : at + 2]} is no escape inside double quotes",
        at,
        "write \\\\ for a backslash, or use single quotes",
    )


def _document(text: str, at: int, begin: int, problem: str, context: str) -> TextError | None:
    if "another document" in problem:
        return TextError("a second document begins here", at, "one file holds one document: remove the ---")
    if "directive" in context or "incompatible YAML document" in problem or text[begin : begin + 1] == "%":
        return TextError(
            "a line that begins with % is a YAML directive, and not one that is known", begin, _QUOTE_IT
        )
    if "<document start>" in problem:
        return TextError(
            "the file's value is already complete, and more text follows",
            at,
            "check the indentation of this line",
        )
    return None


def _bracket(text: str, at: int, begin: int, problem: str) -> TextError | None:
    for close, opening in (("]", "["), ("}", "{")):
        if f"',' or '{close}'" not in problem:
            continue
        if at >= len(text.rstrip()) or text[begin:at].count("\n") > 0:
            return TextError(
                f"the {opening} that opens here is not closed", begin, f"add the missing {close} or comma"
            )
        return TextError(
            f"a comma or {close} is missing here", at, "quote texts that hold commas, brackets or braces"
        )
    return None


def _block_scalar(begin: int, context: str) -> TextError | None:
    if "scanning a block scalar" in context:
        return TextError(
            "the text of a block begins on the line after | or >",
            begin,
            "or put the text in quotes if it begins with | or >",
        )
    return None


def _tag(begin: int, problem: str, context: str) -> TextError | None:
    if "tag" in context or "tag handle" in problem:
        return TextError(
            "an ! begins a tag here, and tags are not used in these files",
            begin,
            "put the text in quotes if it begins with !",
        )
    return None


def _layout(text: str, at: int, problem: str) -> TextError | None:
    before = text[:at].rstrip(" ")
    if before[-1:] in ('"', "'"):
        return TextError(
            "text follows a closing quote",
            at,
            'put the whole text in one pair of quotes; inside double quotes, write \\" for a quote',
        )
    if "sequence entries are not allowed" in problem:
        return TextError(
            "a list item cannot stand here",
            at,
            "begin the list on a line of its own, one - a line, or quote the text",
        )
    if "'-' indicator" in problem or "expected <block end>" in problem or "expected key" in problem:
        return TextError(
            "this line does not fit the lines above it",
            at,
            "check its indentation: items of one list or mapping stand in one column",
        )
    if "node content" in problem:
        return TextError(
            f"a value is expected here, found {text[at : at + 1] or 'the end of the file'}", at, _QUOTE_IT
        )
    return None
