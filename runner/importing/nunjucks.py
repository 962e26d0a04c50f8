"""Translate Nunjucks templates, as promptfoo renders them, to Jinja, token by token.

Text outside of tags is unchanged; the prompt is rendered with `whitespace: raw`, because Nunjucks does not trim blocks.
A construct without an equivalent in Jinja is refused at its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["NoCounterpartError", "Translated", "from_nunjucks", "verbatim"]


class NoCounterpartError(ValueError):
    """A construct that has no equivalent; `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(slots=True)
class Translated:
    """A Jinja template. `names` are the variables that it reads, in order; `walked` those whose structure it reads.

    `includes` are the names of the files that it includes.
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


def from_nunjucks(source: str, *, rename: Callable[[str], str] = lambda name: name) -> Translated:
    """Translate a template. `rename` maps the name of a variable to its name in the prompt file.

    A text with a tag that is never closed is not a template: promptfoo renders it unchanged.
    Raises NoCounterpartError.
    """
    if not re.search(r"\{[{%#]", source):
        return Translated(source)
    if _PARTIAL.search(source) and not re.search(r"\{%\s*(?:raw|endraw)\s*%\}", source):
        return Translated(verbatim(source))
    translator = _Translator(rename)
    pieces: list[str] = []
    end = 0
    while (found := _TAG.search(source, end)) is not None:
        raw = _RAW.match(source, found.start())
        text = source[end : found.start()]
        _refuse_stray(text, source, end)
        pieces.append(text)
        if raw is not None:
            pieces.append(verbatim(raw[1]))
            end = raw.end()
            continue
        translator.line = source.count("\n", 0, found.start()) + 1
        pieces.append(translator.tag(found[0]))
        end = found.end()
    _refuse_stray(source[end:], source, end)
    pieces.append(source[end:])
    if translator.open_tags:
        raise NoCounterpartError(
            f"{{% {translator.open_tags[-1]} %}} is never closed", source.count("\n") + 1
        )
    translator.made.text = "".join(pieces)
    return translator.made


def _refuse_stray(text: str, source: str, at: int) -> None:
    if stray := re.search(r"\{\{|\{%|\{#", text):
        line = source.count("\n", 0, at + stray.start()) + 1
        raise NoCounterpartError(f"{stray[0]} is never closed", line)


def verbatim(text: str) -> str:
    """Return a template that prints the text unchanged."""
    if not re.search(r"\{[{%#]", text):
        return text
    if "endraw" in text:
        return re.sub(r"\{[{%#]", lambda sign: "{{ '" + sign[0] + "' }}", text)
    return f"{{% raw %}}{text}{{% endraw %}}"


@dataclass(slots=True)
class _Translator:
    """Translator of the tags of one template. `local` are the names of each open loop; `line` is the line of the tag."""

    rename: Callable[[str], str]
    made: Translated = field(default_factory=lambda: Translated(""))
    local: list[set[str]] = field(default_factory=lambda: [set()])
    open_tags: list[str] = field(default_factory=list)
    line: int = 1

    def _refused(self, message: str) -> NoCounterpartError:
        return NoCounterpartError(message, self.line)

    def tag(self, tag: str) -> str:
        """Return the tag of Jinja for a tag. Raises NoCounterpartError."""
        if tag.startswith("{#"):
            return tag
        opening, closing = tag[:2], tag[-2:]
        inner = tag[2:-2]
        lead = "-" if inner.startswith("-") else ""
        tail = "-" if inner.endswith("-") and len(inner) > len(lead) else ""
        inner = inner[len(lead) : len(inner) - len(tail)]
        if opening == "{{":
            body = self._expression(inner)
            if not body.strip():
                raise self._refused("{{ }} prints nothing")
            if _MEMBER.fullmatch(body):  # a missing member prints nothing
                body = f'{body.rstrip()} | default(""){" " if body.endswith(" ") else ""}'
            return f"{opening}{lead}{body}{tail}{closing}"
        body = self._statement(inner)
        return f"{opening}{lead}{body}{tail}{closing}"

    def _statement(self, inner: str) -> str:
        found = re.match(r"(\s*)(\w+)(.*)\Z", inner, re.DOTALL)
        if found is None:
            raise self._refused(f"{{%{inner}%}} is not a tag")
        space, word, rest = found.groups()
        if word in ("if", "elif", "elseif"):
            if word == "if":
                self.open_tags.append("if")
            return f"{space}{'elif' if word == 'elseif' else word}{self._expression(rest)}"
        if word == "for":
            loop = re.match(r"\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s+in\s(.*)\Z", rest, re.DOTALL)
            if loop is None:
                raise self._refused(f"{{%{inner}%}} cannot be read")
            self.open_tags.append("for")
            listed = self._expression(f" {loop[2]}")
            self.made.walked.update(
                name for name in re.findall(r"[^\W\d]\w*", loop[2]) if name in self.made.names
            )
            names = [name.strip() for name in loop[1].split(",")]
            self.local.append(set(names))
            if len(names) == 2:
                listed = f"{listed.rstrip()}.items() "
            return f"{space}for {', '.join(names)} in{listed}"
        if word in ("endif", "endfor") and not rest.strip():
            if not self.open_tags or _OPENING[self.open_tags[-1]] != word:
                raise self._refused(f"{{% {word} %}} closes nothing")
            self.open_tags.pop()
            if word == "endfor":
                self.local.pop()
            return inner
        if word == "else" and not rest.strip():
            return inner
        if word == "set" and "=" in rest:
            name, _, value = rest.partition("=")
            made_of = self._expression(value)
            if not re.fullmatch(r"\s*[^\W\d]\w*\s*", name):
                raise self._refused(f"{{%{inner}%}} cannot be read")
            self.local[-1].add(name.strip())
            return f"{space}set{name}={made_of}"
        if word == "include":
            named = re.fullmatch(r"""\s*("([^"]+)"|'([^']+)')\s*""", rest)
            if named is None:
                raise self._refused("the file of an include is not a constant")
            self.made.includes[named[2] or named[3]] = None
            return inner
        raise self._refused(f"the tag {{% {word} %}} has no equivalent")

    def _expression(self, text: str) -> str:
        pieces: list[str] = []
        known = set(self.made.names)
        at = 0
        before = ""  # the last token that is not white space
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._refused(f"{text.strip()[:60]!r} is not an expression")
            at = found.end()
            kind, word = found.lastgroup, found[0]
            if kind == "space":
                pieces.append(word)
                continue
            following = text[at:].lstrip()[:1]
            if kind == "name":
                pieces.append(self._name(word, before, following, text))
            elif word in _AS_JINJA:
                other = _AS_JINJA[word]
                if other is None:
                    raise self._refused(f"{word} is not an operator of Nunjucks")
                pieces.append(other)
            else:
                pieces.append(word)
            before = word
        made_of = _without_empty_filters("".join(pieces))
        if not re.fullmatch(
            r"\s*[^\W\d]\w*\s*", text
        ):  # the template does more than print it, so its structure matters
            self.made.walked.update(set(self.made.names) - known)
            self.made.walked.update(
                name for name in re.findall(r"[^\W\d]\w*", text) if name in self.made.names
            )
        return made_of

    def _name(self, word: str, before: str, following: str, text: str) -> str:
        if before == "." and word == "length" and following != "(":
            return "\x01"  # a filter in Jinja
        if before == ".":
            return word
        if before == "|":
            if _FILTERS.get(word) is None:
                raise self._refused(f"the filter {word} has no equivalent")
            return _FILTERS[word] or "\0"
        if before == "is":
            return word
        if word in _AS_JINJA:
            return _AS_JINJA[word] or word
        if word in _WORDS or word in _LOOP or any(word in names for names in self.local):
            return word
        if following == "(":
            if word == "range":
                return word
            raise self._refused(f"the function {word}() has no equivalent")
        if following == "=" and not re.match(r"=\s*=", text[text.find(word) + len(word) :].lstrip()):
            return word  # a keyword argument
        if word == "env":
            raise self._refused("it reads the environment")
        self.made.names.setdefault(word)
        return self.rename(word)


def _without_empty_filters(text: str) -> str:
    text = re.sub(r"\.\s*\x01", " | length", text)
    return re.sub(r"\|\s*\0\s*(\(\s*\))?", "", text)
