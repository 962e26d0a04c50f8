"""Explain PyYAML's errors to the author of a prompt, with a hint.

libyaml and PyYAML's own parser word their errors slightly differently; each rule below knows both wordings. The first
rule that applies explains the error, so the rules are ordered from certain to likely.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yaml.error import MarkedYAMLError

from .text import TextError

__all__ = ["FOREIGN_SPACES", "explain", "foreign_space", "half_character", "unquoted_template"]

FOREIGN_SPACES = "\u00a0\u2000-\u200b\u202f\u3000"
"""Characters that look like indentation but are not, as the inside of a regular expression's `[...]`."""

_NAME = re.compile(r"[&*!%][^\s,\[\]{}]*")
_TEMPLATE = re.compile(r"\{\{.*?(?:\}\}|$)", re.MULTILINE)
_BRACES = re.compile(r"\{[{%]")
_FOREIGN_INDENT = re.compile(f"[ \t]*[{FOREIGN_SPACES}]")
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
_COLON = re.compile(r":(?=\s|$)")


@dataclass(frozen=True, slots=True)
class _Site:
    """The place of a PyYAML error: `at` is where it was noticed, `begin` where the construct being read begins."""

    text: str
    at: int
    begin: int
    problem: str
    context: str

    @property
    def line_start(self) -> int:
        return self.text.rfind("\n", 0, self.at) + 1

    @property
    def line(self) -> str:
        return self.text[self.line_start :].partition("\n")[0]

    @property
    def name(self) -> str:
        """Return the anchor, alias, tag or directive that begins at `begin`."""
        match = _NAME.match(self.text, self.begin)
        return match[0] if match else self.text[self.begin : self.begin + 1]


def explain(error: MarkedYAMLError, text: str) -> TextError:
    """Return the explanation of a PyYAML error."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark]
    at, begin = (min(mark.index, len(text)) for mark in (marks[0], marks[-1])) if marks else (0, 0)
    site = _Site(text, at, begin, error.problem or "", error.context or "")
    for rule in _RULES:
        if explained := rule(site):
            return explained
    hint = "check the indentation and the quotes of this line and the line above"
    return TextError("the YAML cannot be parsed from here on", at, hint)


def unquoted_template(text: str, offset: int, *, whole_line: bool = False) -> TextError:
    """Return the error for a `{{ ... }}` that begins at `offset` and is not quoted.

    With `whole_line` the string continues after it, up to the end of the line.
    """
    template = _TEMPLATE.match(text, offset)
    written = (text[offset:].partition("\n")[0] if whole_line or not template else template[0]).strip()
    quote = "'" if '"' in written else '"'
    return TextError(
        f"{template[0].strip() if template else written} is not in quotes, so YAML reads its brace as the start of an object",
        offset,
        "quote the whole string" if quote in written else f"quote it: {quote}{written}{quote}",
    )


def half_character(text: str, at: int) -> TextError:
    r"""Return the error for an escape such as `\ud83d`: half of a character, and the other half does not follow."""
    hint = "write the character itself, or both halves as JSON does (\\ud83d\\ude00)"
    return TextError(f"{text[at : at + 6]} is half a character", at, hint)


def foreign_space(text: str, at: int) -> TextError:
    """Return the error for a no-break space or the like in the indentation; they come with pasted text."""
    message = f"the indentation contains U+{ord(text[at]):04X}, which looks like a space but is not one"
    return TextError(message, at, "replace it with a space")


def _tab(site: _Site) -> TextError | None:
    if site.text[site.at : site.at + 1] != "\t" and "tab character" not in site.problem:
        return None
    if site.text[site.line_start : site.at].strip():  # only PyYAML's own parser minds these
        return TextError("this line contains a tab between its parts", site.at, "write a space")
    return TextError("the indentation contains a tab", site.at, "YAML indents with spaces only")


def _indentation(site: _Site) -> TextError | None:
    found = _FOREIGN_INDENT.match(site.line)
    return foreign_space(site.text, site.line_start + found.end() - 1) if found else None


def _open_quote(site: _Site) -> TextError | None:
    quote = site.text[site.begin : site.begin + 1]
    if quote in ("'", '"') and ("end of stream" in site.problem or "document" in site.problem):
        return TextError("the quote that opens here is never closed", site.begin, f"add the closing {quote}")
    return None


def _template(site: _Site) -> TextError | None:
    """Explain a template at the start of a value, or inside `{...}` or `[...]`, which needs quotes there."""
    for braces in _BRACES.finditer(site.line):
        before = site.line[: braces.start()].rstrip()
        offset = site.line_start + braces.start()
        starts_value = not before or before[-1] in ":-,[{"
        quoted = before.count('"') % 2 == 1
        if offset > site.at or quoted or not (starts_value or "',' or '" in site.problem):
            continue
        if braces[0] == "{{":
            return unquoted_template(site.text, offset, whole_line="',' or '" not in site.problem)
        return TextError(
            "{% ... %} is not in quotes, so YAML reads its brace as the start of an object",
            offset,
            "quote the whole string, or write it as a block: `|-` with the text indented on the lines below",
        )
    return None


def _anchor(site: _Site) -> TextError | None:
    if "undefined alias" in site.problem or "scanning an alias" in site.context:
        message = f"{site.name} refers to an anchor that is not defined above"
        return TextError(message, site.begin, "quote the string if it begins with an asterisk")
    if "scanning an anchor" in site.context:
        return TextError(
            f"{site.name} is not a valid anchor name", site.begin, "quote the string if it begins with &"
        )
    if "duplicate anchor" in site.context:
        second = _NAME.match(site.text, site.at)
        name = second[0] if second else "&"
        hint = "rename one of the two"
        return TextError(f"the anchor {name} is defined twice", site.at, hint, earlier=site.begin)
    return None


def _conflict(site: _Site) -> TextError | None:
    marker = _CONFLICT.search(site.text)
    if marker is None:
        return None
    hint = "resolve the conflict, and remove the markers"
    return TextError("this file has git conflict markers", marker.start(), hint)


def _colon(site: _Site) -> TextError | None:
    if "could not find expected ':'" in site.problem:
        hint = 'write "key: value"; a string of several lines needs a block (`|-`) or quotes'
        return TextError("there is no colon after this", site.begin, hint)
    if "mapping values are not allowed" not in site.problem:
        return None
    above = site.text[: site.line_start].rstrip().rpartition("\n")[2]
    if _COLON.search(site.line[: site.at - site.line_start]):
        hint = 'a string that contains a colon and a space needs quotes: "like: this"'
    elif above and not _COLON.search(above):
        hint = "is a colon missing on the line above?"
    else:
        hint = "check the indentation: the line above already has its value"
    return TextError("a second key begins here, before the value of the first one is complete", site.at, hint)


def _cannot_start(site: _Site) -> TextError | None:
    if "cannot start any token" in site.problem or "mapping keys are not allowed" in site.problem:
        char = site.text[site.at : site.at + 1]
        return TextError(
            f"a string cannot begin with {char} unless it is quoted", site.at, "quote the string"
        )
    return None


def _escape(site: _Site) -> TextError | None:
    if site.text[site.begin : site.begin + 1] != '"' or not re.search("escape|hexa?decimal", site.problem):
        return None
    at = site.text.rfind("\\", 0, site.at + 1)
    if re.match(r"\\u[dD][89a-fA-F]", site.text[at : at + 4]):
        return half_character(site.text, at)
    hint = "write \\\\ for a backslash, or use single quotes"
    return TextError(f"{site.text[at : at + 2]} is not an escape sequence in double quotes", at, hint)


def _document(site: _Site) -> TextError | None:
    if "another document" in site.problem:
        return TextError(
            "a second document begins here", site.at, "a file contains one document: remove the ---"
        )
    if "directive" in site.context or "directive" in site.problem or "incompatible YAML" in site.problem:
        message = "a line that begins with % is a YAML directive, and this one is not supported"
        return TextError(message, site.begin, "quote the string if it begins with %")
    if "<document start>" in site.problem:
        hint = "check the indentation of this line"
        return TextError("more text follows, but the value of the file is already complete", site.at, hint)
    return None


def _bracket(site: _Site) -> TextError | None:
    found = re.search(r"',' or '([\]}])'", site.problem)
    if not found:
        return None
    close, opening = found[1], "[" if found[1] == "]" else "{"
    if site.at >= len(site.text.rstrip()) or "\n" in site.text[site.begin : site.at]:
        hint = f"add the missing {close} or comma"
        return TextError(f"the {opening} that opens here is not closed properly", site.begin, hint)
    hint = "quote a string that contains commas, brackets or braces"
    return TextError(f"a comma or {close} is missing here", site.at, hint)


def _block_scalar(site: _Site) -> TextError | None:
    if "scanning a block scalar" in site.context:
        hint = "begin it on the next line, or quote the string if it begins with | or >"
        return TextError("a block's text cannot begin on the line of its | or >", site.begin, hint)
    return None


def _tag(site: _Site) -> TextError | None:
    if "tag" in site.context or "tag handle" in site.problem:
        hint = "quote the string if it begins with !"
        return TextError(f"{site.name} is read as a tag, but there is no such tag", site.begin, hint)
    return None


def _layout(site: _Site) -> TextError | None:
    if site.text[site.line_start : site.at].rstrip()[-1:] in ("'", '"'):
        hint = r"quote the whole string; inside double quotes, write a quote as \""
        return TextError("text follows a closing quote", site.at, hint)
    if site.text[site.at : site.at + 1] == ":":
        return TextError("there is no key before this colon", site.at, "quote the string")
    if "sequence entries are not allowed" in site.problem:
        hint = "begin the list on a new line, or quote the string if it begins with -"
        return TextError("a list cannot begin here", site.at, hint)
    if re.search("'-' indicator|<block end>|expected key", site.problem):
        hint = "check the indentation: the entries of one list or object begin in the same column"
        return TextError("this line does not match the indentation of the lines above", site.at, hint)
    if "node content" in site.problem:
        found = site.text[site.at : site.at + 1] or "the end of the file"
        return TextError(f"expected a value, found {found}", site.at, "quote the string")
    return None


_RULES = (
    _conflict,
    _tab,
    _indentation,
    _open_quote,
    _template,
    _anchor,
    _colon,
    _cannot_start,
    _escape,
    _document,
    _bracket,
    _block_scalar,
    _tag,
    _layout,
)
