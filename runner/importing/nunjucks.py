"""Nunjucks templates, as promptfoo renders them, become Jinja's: by tokens, and only what means the same in both.

Text outside of tags is kept to the character; the prompt is rendered with `whitespace: raw`, since Nunjucks trims no
blocks. What has no counterpart is refused, with the line on which it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["NoCounterpartError", "Translated", "from_nunjucks", "verbatim"]


class NoCounterpartError(ValueError):
    """A construct that has no counterpart; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(slots=True)
class Translated:
    """A Jinja template. `names` are the variables that it reads, in order; `walked` those of which it reads members.

    `includes` are the files that it includes, as they are named in it.
    """

    text: str
    names: dict[str, None] = field(default_factory=dict)
    walked: set[str] = field(default_factory=set)
    includes: dict[str, None] = field(default_factory=dict)


_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PARTIAL = re.compile(r"\{%[^%]*$|\{\{[^}]*$|\{#[^#]*$", re.MULTILINE)
_RAW = re.compile(r"\{%-?\s*(?:raw|verbatim)\s*-?%\}(.*?)\{%-?\s*end(?:raw|verbatim)\s*-?%\}", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>[^\W\d]\w*)|(?P<op>===|!==|==|!=|<=|>=|//|\*\*|&&|\|\||[-+*/%~<>()\[\]{}.,:|=])""",
)
_FILTERS = {
    "abs": "abs", "capitalize": "capitalize", "default": "default", "d": "default", "dump": "tojson", "first": "first",
    "join": "join", "last": "last", "length": "length", "list": "list", "lower": "lower", "replace": "replace",
    "reverse": "reverse", "round": "round", "safe": "", "string": "string", "sum": "sum", "trim": "trim",
    "upper": "upper", "wordcount": "wordcount", "indent": "indent", "int": "int", "float": "float",
    "selectattr": "selectattr", "rejectattr": "rejectattr", "sort": "sort", "batch": None, "random": None,
}  # fmt: skip
_WORDS = {"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "recursive"}
_AS_JINJA = {"null": "none", "undefined": "none", "===": "==", "!==": "!=", "&&": None, "||": None}
_MEMBER = re.compile(r"\s*[^\W\d]\w*(?:\.\w+|\[[^\[\]|]+\])+\s*")
_OPENING = {"if": "endif", "for": "endfor"}
_LOOP = {"loop", "super", "caller", "self"}


def from_nunjucks(
    source: str, *, rename: Callable[[str], str] = lambda name: name, single: bool = False
) -> Translated:
    """Translate a template; `rename` gives the variables their names here. `single`: the text is a value, not a prompt.

    A text with a tag that is never closed is not a template at all: promptfoo renders it as it stands.
    """
    made = Translated("")
    if not re.search(r"\{[{%#]", source):
        made.text = source
        return made
    if _PARTIAL.search(source) and not re.search(r"\{%\s*(?:raw|endraw)\s*%\}", source):
        made.text = verbatim(source)
        return made
    pieces: list[str] = []
    local: list[set[str]] = [set()]
    open_tags: list[str] = []
    end = 0
    at = 0
    while (found := _TAG.search(source, at)) is not None:
        raw = _RAW.match(source, found.start())
        text = source[end : found.start()]
        _refuse_stray(text, source, end)
        pieces.append(text)
        line = source.count("\n", 0, found.start()) + 1
        if raw is not None:
            pieces.append(verbatim(raw[1]))
            at = end = raw.end()
            continue
        pieces.append(_tag(found[0], line, made, local, open_tags, rename))
        at = end = found.end()
    _refuse_stray(source[end:], source, end)
    pieces.append(source[end:])
    if open_tags:
        raise NoCounterpartError(f"{{% {open_tags[-1]} %}} is never closed", source.count("\n") + 1)
    made.text = "".join(pieces)
    return made


def _refuse_stray(text: str, source: str, at: int) -> None:
    if stray := re.search(r"\{\{|\{%|\{#", text):
        line = source.count("\n", 0, at + stray.start()) + 1
        raise NoCounterpartError(f"{stray[0]} is never closed", line)


def verbatim(text: str) -> str:
    """The text so that Jinja prints it as it stands."""
    if not re.search(r"\{[{%#]", text):
        return text
    if "endraw" in text:
        return re.sub(r"\{[{%#]", lambda sign: "{{ '" + sign[0] + "' }}", text)
    return f"{{% raw %}}{text}{{% endraw %}}"


def _tag(
    tag: str,
    line: int,
    made: Translated,
    local: list[set[str]],
    open_tags: list[str],
    rename: Callable[[str], str],
) -> str:
    if tag.startswith("{#"):
        return tag
    opening, closing = tag[:2], tag[-2:]
    inner = tag[2:-2]
    lead = "-" if inner.startswith("-") else ""
    tail = "-" if inner.endswith("-") and len(inner) > len(lead) else ""
    inner = inner[len(lead) : len(inner) - len(tail)]
    if opening == "{{":
        body = _expression(inner, line, made, local, rename)
        if not body.strip():
            raise NoCounterpartError("{{ }} prints nothing", line)
        if _MEMBER.fullmatch(body):  # what is not there prints nothing
            body = f'{body.rstrip()} | default(""){" " if body.endswith(" ") else ""}'
        return f"{opening}{lead}{body}{tail}{closing}"
    body = _statement(inner, line, made, local, open_tags, rename)
    return f"{opening}{lead}{body}{tail}{closing}"


def _statement(
    inner: str,
    line: int,
    made: Translated,
    local: list[set[str]],
    open_tags: list[str],
    rename: Callable[[str], str],
) -> str:
    found = re.match(r"(\s*)(\w+)(.*)\Z", inner, re.DOTALL)
    if found is None:
        raise NoCounterpartError(f"{{%{inner}%}} is no tag", line)
    space, word, rest = found.groups()
    if word in ("if", "elif", "elseif"):
        if word == "if":
            open_tags.append("if")
        return f"{space}{'elif' if word == 'elseif' else word}{_expression(rest, line, made, local, rename)}"
    if word == "for":
        loop = re.match(r"\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s+in\s(.*)\Z", rest, re.DOTALL)
        if loop is None:
            raise NoCounterpartError(f"{{%{inner}%}} cannot be read", line)
        open_tags.append("for")
        listed = _expression(f" {loop[2]}", line, made, local, rename)
        made.walked.update(name for name in re.findall(r"[^\W\d]\w*", loop[2]) if name in made.names)
        names = [name.strip() for name in loop[1].split(",")]
        local.append(set(names))
        if len(names) == 2:
            listed = f"{listed.rstrip()}.items() "
        return f"{space}for {', '.join(names)} in{listed}"
    if word in ("endif", "endfor") and not rest.strip():
        if not open_tags or _OPENING[open_tags[-1]] != word:
            raise NoCounterpartError(f"{{% {word} %}} closes nothing", line)
        open_tags.pop()
        if word == "endfor":
            local.pop()
        return inner
    if word == "else" and not rest.strip():
        return inner
    if word == "set" and "=" in rest:
        name, _, value = rest.partition("=")
        made_of = _expression(value, line, made, local, rename)
        if not re.fullmatch(r"\s*[^\W\d]\w*\s*", name):
            raise NoCounterpartError(f"{{%{inner}%}} cannot be read", line)
        local[-1].add(name.strip())
        return f"{space}set{name}={made_of}"
    if word == "include":
        named = re.fullmatch(r"""\s*("([^"]+)"|'([^']+)')\s*""", rest)
        if named is None:
            raise NoCounterpartError("an include whose file is not named by a constant", line)
        made.includes[named[2] or named[3]] = None
        return inner
    raise NoCounterpartError(f"the tag {{% {word} %}} has no counterpart", line)


def _expression(
    text: str, line: int, made: Translated, local: list[set[str]], rename: Callable[[str], str]
) -> str:
    pieces: list[str] = []
    known = set(made.names)
    at = 0
    before = ""  # the last word_of that is not white space
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise NoCounterpartError(f"{text.strip()[:60]!r} is no expression", line)
        at = found.end()
        kind, word_of = found.lastgroup, found[0]
        if kind == "space":
            pieces.append(word_of)
            continue
        following = text[at:].lstrip()[:1]
        if kind == "name":
            pieces.append(_name(word_of, before, following, text, line, made, local, rename))
        elif word_of in _AS_JINJA:
            other = _AS_JINJA[word_of]
            if other is None:
                raise NoCounterpartError(f"{word_of} is no operator of Nunjucks", line)
            pieces.append(other)
        else:
            pieces.append(word_of)
        before = word_of
    made_of = _without_empty_filters("".join(pieces))
    if not re.fullmatch(r"\s*[^\W\d]\w*\s*", text):  # more than printing it: its structure counts
        made.walked.update(set(made.names) - known)
        made.walked.update(name for name in re.findall(r"[^\W\d]\w*", text) if name in made.names)
    return made_of


def _name(
    word_of: str,
    before: str,
    following: str,
    text: str,
    line: int,
    made: Translated,
    local: list[set[str]],
    rename: Callable[[str], str],
) -> str:
    if before == "." and word_of == "length" and following != "(":
        return "\x01"  # a filter here
    if before == ".":
        return word_of
    if before == "|":
        if _FILTERS.get(word_of) is None:
            raise NoCounterpartError(f"the filter {word_of} has no counterpart", line)
        return _FILTERS[word_of] or "\0"
    if before == "is":
        return word_of
    if word_of in _AS_JINJA:
        return _AS_JINJA[word_of] or word_of
    if word_of in _WORDS or word_of in _LOOP or any(word_of in names for names in local):
        return word_of
    if following == "(":
        if word_of == "range":
            return word_of
        raise NoCounterpartError(f"the function {word_of}() has no counterpart", line)
    if following == "=" and not re.match(r"=\s*=", text[text.find(word_of) + len(word_of) :].lstrip()):
        return word_of  # a keyword argument
    if word_of == "env":
        raise NoCounterpartError("it reads the environment", line)
    made.names.setdefault(word_of)
    return rename(word_of)


def _without_empty_filters(text: str) -> str:
    text = re.sub(r"\.\s*\x01", " | length", text)
    return re.sub(r"\|\s*\0\s*(\(\s*\))?", "", text)
