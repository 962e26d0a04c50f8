"""Encode images, sound and documents that are named by path as the wire format requires: data URLs and base64.

The content parts are `image_url.url`, `input_audio.data` and `file.file_data` of the OpenAI chat completions API.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from ..errors import FormatError, Location
from ..values import Json, JsonPath
from .disk.tree import Tree, resolve

__all__ = ["OWN_URL", "URL_PARTS", "inline_media", "refuse_own_urls", "web_urls"]

_UNSEEN = r"[\s\x00-\x20\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]"
"""Characters that URL parsers skip at the beginning of a URL, or inside it."""

_BEFORE = re.compile(f"{_UNSEEN}*")
_LONGEST_BEGINNING = 256
_WEB_URL = re.compile(
    r"(?:https?|ftps?|wss?):"
    r"|(?!data:)[a-z][a-z0-9+.-]*:[\\/]{2}"  # also those of one provider: gs://, s3://, file://
    r"|[\\/]{2}[^\\/]*[.:\[]"  # without a scheme; base64, which can begin like this, has none of these
    r"|data:[^,]*(?:svg|html|xml)",  # documents that name others
    re.IGNORECASE,
)

URL_PARTS = ("document_url", "file_url", "pdf_url", "video_url", "audio_url")
"""Types of parts that name a file by its URL and that runner sends unchanged; OpenAI has none of them."""

OWN_URL = (
    "a prompt of a pack must not name a URL of its own: fetching it would tell its host about the request"
)


def inline_media(
    messages: list[dict[str, Json]], tree: Tree, prompt_file: str, location_of: Callable[[int, int], Location]
) -> list[dict[str, Json]]:
    """Return the messages with each path replaced by the content of its file; the given messages are not changed.

    A path is relative to `prompt_file` and follows the rules of `resolve`. The type of a file is detected by its first
    bytes: png, jpeg, gif, webp; wav, mp3; pdf. `location_of(message, part)` returns the place of a content part, both
    counted from 0.

    Raises MissingFileError for a path that must not or cannot be read, FormatError for a file of another type and for
    URLs that are neither http, https nor data.
    """
    inlined: list[dict[str, Json]] = []
    for index, message in enumerate(messages):
        content = message.get("content")
        if isinstance(content, list):
            parts = [
                _inline(part, _Reader(tree, prompt_file, location_of, index, at))
                for at, part in enumerate(content)
            ]
            message = {**message, "content": parts}
        inlined.append(message)
    return inlined


def refuse_own_urls(
    messages: list[dict[str, Json]], given: Json, location_of: Callable[[int, int], Location]
) -> None:
    """Raise FormatError for a URL that is not one of the `given` values: a pack's template built it, or chose it.

    Fetching such a URL tells its host what is in it, or which of many was chosen, so a pack may only pass on the URLs
    of its user.
    """
    known = set(_texts(given))
    for index, message in enumerate(messages):
        for path, url in web_urls(message):
            if url not in known:
                number = path[1] if path[0] == "content" and len(path) > 1 else 0
                raise FormatError(
                    OWN_URL,
                    location=location_of(index, cast("int", number)),
                    hint="a URL must be the whole value of a variable that the user sets; a default of the pack does not count",
                )


_IN_WORDS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text"}),
    "refusal": frozenset({"refusal"}),
    "thinking": frozenset({"thinking", "signature"}),
    "reasoning": frozenset({"reasoning", "text", "summary"}),
    "redacted_thinking": frozenset({"data"}),
}
"""Types of parts that contain text, and the keys of the text: a URL there is a word among others, and is not fetched."""

_WORDS = frozenset(
    {
        "role",
        "name",
        "refusal",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "thinking",
        "thinking_blocks",
        "tool_calls",
        "function_call",
        "tool_call_id",
    }
)
"""Keys of a message that contain text."""


def web_urls(message: Mapping[str, Json]) -> Iterator[tuple[JsonPath, str]]:
    """Yield the strings of a message that a server may fetch as URLs, each with its path.

    These are all strings that are not known to be text.
    """
    for key, value in message.items():
        if key not in _WORDS and not (key == "content" and isinstance(value, str)):
            yield from _web_urls(value, (key,))


def _web_urls(value: Json, at: JsonPath) -> Iterator[tuple[JsonPath, str]]:
    if isinstance(value, str):
        if _is_web_url(value):
            yield at, value
    elif isinstance(value, Mapping):
        words = _IN_WORDS.get(str(value.get("type")), frozenset())
        for key, each in value.items():
            if key not in words:
                yield from _web_urls(each, (*at, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _web_urls(each, (*at, index))


def _is_web_url(text: str) -> bool:
    start = _BEFORE.match(text)
    begins = text[start.end() if start else 0 :][:_LONGEST_BEGINNING]
    return _WEB_URL.match(re.sub(_UNSEEN, "", begins)) is not None


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the file that one content part names."""

    tree: Tree
    prompt_file: str
    location_of: Callable[[int, int], Location]
    message: int
    part: int

    @property
    def location(self) -> Location:
        return self.location_of(self.message, self.part)

    def read(self, name: str, kinds: Mapping[str, str], what: str) -> tuple[str, str]:
        """Return the media type and the base64 text of a file; `kinds` are the allowed media types by short name."""
        file = resolve(self.prompt_file, name, location=self.location)
        data = self.tree.read(file, location=self.location)
        kind = _kind(data)
        if kind is None or kind not in kinds:
            came = f"it is {kind}" if kind else "its first bytes match no known type"
            raise FormatError(
                f"{name} is not {what} that can be sent: {came}",
                location=self.location,
                hint=f"known types: {', '.join(kinds)}",
            )
        return kinds[kind], b64encode(data).decode()


_IMAGES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_DOCUMENTS = {"pdf": "application/pdf"}


def _inline(part: Json, reader: _Reader) -> Json:
    if not isinstance(part, Mapping):
        return part
    kind = part.get("type")
    body = part.get(kind) if isinstance(kind, str) else None
    if isinstance(body, str):
        # Some providers accept this string in place of the object; a `file` is then named by its id.
        key = {"image_url": "url", "input_audio": "data"}.get(str(kind), "url")
        whole = _inline({"type": kind, str(kind): {key: body}}, reader)
        return {**part, str(kind): cast("dict[str, dict[str, Json]]", whole)[str(kind)][key]}
    if not isinstance(body, Mapping):
        return part
    match kind:
        case "image_url":
            changed = _data_url(body, "url", reader, _IMAGES, "an image")
        case "file":
            changed = _data_url(body, "file_data", reader, _DOCUMENTS, "a document")
        case "input_audio":
            changed = _sound(body, reader)
        case _ if kind in URL_PARTS:
            _refuse_path(body, str(kind), reader)
            return part
        case _:
            return part
    return {**part, cast("str", kind): changed}


def _data_url(
    body: Mapping[str, Json], key: str, reader: _Reader, kinds: Mapping[str, str], what: str
) -> Mapping[str, Json]:
    name = body.get(key)
    if not isinstance(name, str):
        return body
    if _is_url(name, reader):
        return body
    media_type, text = reader.read(name, kinds, what)
    return {**body, key: f"data:{media_type};base64,{text}"}


def _is_url(name: str, reader: _Reader) -> bool:
    """Return whether this is the URL of a file, not its path. Raises FormatError for a URL that no provider can fetch."""
    # At least two letters: one letter is a Windows drive, which `resolve` refuses in its own words. RFC 3986, 3.1.
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", name)
    if scheme is None:
        return False
    if scheme[1].lower() not in {"http", "https", "data"}:
        raise FormatError(
            f"{scheme[1]}: URLs cannot be sent",
            location=reader.location,
            hint="write an https URL, a data: URL, or a path relative to the prompt",
        )
    return True


_ENDINGS = re.compile(
    r"[^:]*\.(?:pdf|mp4|m4v|mov|webm|mkv|avi|mpe?g|mp3|wav|ogg|flac|txt|docx?|pptx?|xlsx?)", re.IGNORECASE
)


def _refuse_path(body: Mapping[str, Json], kind: str, reader: _Reader) -> None:
    """Refuse a path. Base64, which some of these parts accept in place of a URL, has no dot; a file name has one."""
    url = body.get("url")
    if isinstance(url, str) and _ENDINGS.fullmatch(url):
        raise FormatError(
            f"{url} is a path, which {kind} cannot send",
            location=reader.location,
            hint="write its https URL or a data: URL; image_url, input_audio and file read files",
        )


def _sound(body: Mapping[str, Json], reader: _Reader) -> Mapping[str, Json]:
    name = body.get("data")
    # Base64 has no dot, so a string that ends like a sound file names one. Some providers fetch it by its URL.
    if not isinstance(name, str) or not name.lower().endswith((".wav", ".mp3")) or _is_url(name, reader):
        return body
    declared = body.get("format")
    kinds = {kind: media_type for kind, media_type in _SOUNDS.items() if declared in (None, kind)}
    return {**body, "data": reader.read(name, kinds, "a sound")[1]}


def _kind(data: bytes) -> str | None:
    """Return the type of a file by its first bytes (WHATWG MIME Sniffing, sections 6.1 and 6.2), or None."""
    for kind, mark in _MARKS:
        if data.startswith(mark):
            return kind
    if data.startswith(b"RIFF"):
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(data[8:12])
    # An MPEG audio frame begins with eleven set bits; layer III follows.
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] & 0x06 == 0x02:
        return "mp3"
    return None


_MARKS = (
    ("png", b"\x89PNG\r\n\x1a\n"),
    ("jpeg", b"\xff\xd8\xff"),
    ("gif", b"GIF87a"),
    ("gif", b"GIF89a"),
    ("mp3", b"ID3"),
    ("pdf", b"%PDF-"),
)
