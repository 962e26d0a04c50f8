"""Find the templates in a message of a prompt file, and render the message.

Templates are the `content` string and, in content parts, the text, the URL, the audio and file data and the file name.
Roles, names, ids and provider fields are not templates, so no value can change who speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..errors import Location
from ..files.media import URL_PARTS
from ..values import Json, JsonPath
from .template_sources import LocatedUse

__all__ = ["Message", "template_paths"]

_LEAVES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "text": (("text",),),
    "image_url": (("image_url", "url"), ("image_url",)),
    "input_audio": (("input_audio", "data"), ("input_audio",)),
    "file": (("file", "file_data"), ("file", "filename")),
    **{kind: ((kind, "url"), (kind,)) for kind in URL_PARTS},
}


def template_paths(message: Mapping[str, Json]) -> Iterator[tuple[JsonPath, str]]:
    """Yield the path and the text of each template in a message. A placeholder has none."""
    content = None if message.get("type") == "placeholder" else message.get("content")
    if isinstance(content, str):
        yield ("content",), content
    elif isinstance(content, list):
        for index, part in enumerate(content):
            if isinstance(part, dict):
                for leaf in _LEAVES.get(str(part.get("type")), ()):
                    value = _at(part, leaf)
                    if isinstance(value, str):
                        yield ("content", index, *leaf), value


def _at(value: Json, path: JsonPath) -> Json:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the prompt file; `paths` are the paths of its templates, `uses` the variables that they read."""

    message: Mapping[str, Json]
    paths: tuple[JsonPath, ...]
    uses: tuple[LocatedUse, ...]

    def render(
        self, values: dict[str, Json], texts: Iterator[str], location: Callable[[], Location]
    ) -> list[dict[str, Json]]:
        """Return the rendered message in wire form, with the author's keys in the author's order. Raises TemplateError.

        `texts` are the rendered templates of the whole prompt; this consumes the message's own.
        """
        rendered = dict(self.message)
        for path in self.paths:
            rendered[str(path[0])] = _replaced(rendered[str(path[0])], path[1:], next(texts))
        return [rendered]


def _replaced(value: Json, path: JsonPath, text: str) -> Json:
    """Return a copy of `value` with `text` at `path`; the rest is shared with the original."""
    if not path:
        return text
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        assert isinstance(first, int)
        return [*value[:first], _replaced(value[first], rest, text), *value[first + 1 :]]
    assert isinstance(value, dict)
    return {**value, str(first): _replaced(value[str(first)], rest, text)}
