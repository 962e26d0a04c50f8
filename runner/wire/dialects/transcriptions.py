"""Transcriptions (OpenAI's API reference, "Audio", `audio/transcriptions`): the sound in a prompt's message becomes text.

The request is a form (multipart/form-data, RFC 7578), not JSON. The text of the message is the `prompt`, which tells the
model what to expect. Keys that the format of prompts does not have, from `extra_body`, are sent unchanged: `language` ...
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType

from ...finish_reasons import NONE_DECLARED, Declared
from ...values import Json, JsonObject, JsonPath
from ..joining import is_empty
from ..reply import Reply
from ..usage import NO_LIMITS, TokenLimits
from .one_text import refuse, text_of
from .whole import NO_CHAT, Whole, counted

__all__ = ["DIALECT", "REFUSED", "TRANSLATED", "Transcriptions"]

TRANSLATED = frozenset({"model", "messages", "temperature", "logprobs"})
"""The declared keys that are written there."""

_NOT_HERE = "audio/transcriptions has no such parameter"
REFUSED: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(sorted(NO_CHAT | {"user", "moderation"}), (_NOT_HERE, None)),
    **dict.fromkeys(("modalities", "audio"), ("audio/transcriptions answers with text", "leave it out")),
    "n": ("audio/transcriptions gives one answer to each request", "use --repeat for several answers"),
    "response_format": (
        "a transcription has no schema",
        "its own formats are words: extra_body: {response_format: verbose_json}",
    ),
}
"""The declared keys that have no place there: why, and what to do."""

_API = "Transcriptions API"
_BOUNDARY = "runner-4f1e9a7c2b8d45f3a6e0c9b7d1f2a384"
_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_ONE_SOUND = "write one part of type input_audio into one message of role user"


class Transcriptions(Whole):
    """`POST audio/transcriptions`."""

    name = "transcriptions"
    headers = MappingProxyType({"content-type": f"multipart/form-data; boundary={_BOUNDARY}"})
    names = MappingProxyType({"file": ("messages",), "prompt": ("messages",), "include": ("logprobs",)})

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "audio/transcriptions"

    def encode(self, request: JsonObject) -> JsonObject:
        """Return the fields of the form, with the file as {filename, data}, or refuse a key."""
        body: dict[str, Json] = {}
        for key, value in request.items():
            if key in REFUSED and not (key == "response_format" and isinstance(value, str)):
                refuse((key,), *REFUSED[key])
            if key == "messages":
                fields = _sound(value)
            elif key == "logprobs":
                fields = {"include": ["logprobs"] if value else []}
            else:
                fields = {key: value}
            for name, each in fields.items():
                if name in body:
                    refuse(
                        (key,), f"another key of the request already sets {name}", "declare only one of them"
                    )
                body[name] = each
        return body

    def data(self, request: bytes, *, stream: bool = False, seed: int | None = None) -> bytes:
        """Return the form of a declared request."""
        body = dict(self.encode(json.loads(request)))
        if seed is not None:
            body["seed"] = seed
        return (
            b"".join(_field(name, content, more) for name, content, more in form_fields(body))
            + f"--{_BOUNDARY}--\r\n".encode()
        )

    def form(self, body: JsonObject) -> list[tuple[str, bytes, str | None]]:
        """Return the fields of an encoded request: name, content, and the name of the file if it is one."""
        return form_fields(body)

    def completion(self, payload: Json) -> Json:
        """Translate a transcription; words, segments and the like are kept."""
        if not isinstance(payload, Mapping) or payload.get("error") is not None or "text" not in payload:
            return payload
        left = {key: each for key, each in payload.items() if key not in ("text", "usage", "logprobs")}
        choice: dict[str, Json] = {
            "index": 0,
            "message": {"role": "assistant", "content": payload["text"]},
            "finish_reason": "stop",
        }
        if payload.get("logprobs") is not None:
            choice["logprobs"] = {"content": payload["logprobs"]}
        usage = counted(payload.get("usage"))
        return {**left, "object": "chat.completion", "choices": [choice], "usage": usage}

    def read_reply(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        request: JsonObject,
        finish_reasons: Mapping[str, Declared] = NONE_DECLARED,
        keyed: bool = True,
        limits: TokenLimits = NO_LIMITS,
    ) -> Reply:
        """Return the result of one exchange; in the formats text, srt and vtt the whole body is the text."""
        if 200 <= status < 300 and request.get("response_format") in ("text", "srt", "vtt"):
            body = json.dumps({"text": body.decode("utf-8", "replace")}).encode()
        return super().read_reply(
            status, headers, body, request=request, finish_reasons=finish_reasons, keyed=keyed, limits=limits
        )


def form_fields(body: JsonObject) -> list[tuple[str, bytes, str | None]]:
    """Return the fields of a form: name, content, and the name of the file if it is one. Lists become several fields."""
    fields: list[tuple[str, bytes, str | None]] = []
    for name, value in body.items():
        if name == "file" and isinstance(value, Mapping):
            fields.append((name, b64decode(str(value["data"])), str(value["filename"])))
        elif isinstance(value, list | tuple):
            fields.extend((f"{name}[]", _spelled(each), None) for each in value)
        else:
            fields.append((name, _spelled(value), None))
    return fields


def _spelled(value: Json) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()


def _field(name: str, content: bytes, file: str | None) -> bytes:
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{quoted}"'
    if file is not None:
        kind = _TYPES.get(file.rpartition(".")[2], "application/octet-stream")
        head += f'; filename="{file}"\r\nContent-Type: {kind}'
    return f"{head}\r\n\r\n".encode() + content + b"\r\n"


def _sound(messages: Json) -> dict[str, Json]:
    """Return `file`, from the only part with sound, and `prompt`, from the text beside it."""
    listed = messages if isinstance(messages, list | tuple) else ()
    if len(listed) > 1:
        refuse(("messages", 1), "there is a second message", _ONE_SOUND)
    if not listed:
        return {}
    message, at = listed[0], ("messages", 0)
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(message, Mapping) or role != "user":
        refuse((*at, "role"), "the only message is the user's", _ONE_SOUND)
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else []
    sounds = [index for index, part in enumerate(parts) if _is_sound(part)]
    if len(sounds) != 1:
        where: JsonPath = (*at, "content", sounds[1]) if sounds else (*at, "content")
        refuse(where, "there is no sound" if not sounds else "there is a second sound", _ONE_SOUND)
    file = _file(parts[sounds[0]], (*at, "content", sounds[0]))
    others = [
        part if index not in sounds else {"type": "text", "text": ""} for index, part in enumerate(parts)
    ]
    text = text_of({**message, "content": others}, at, _API)
    return {"file": file, **({"prompt": text} if len(parts) > 1 else {})}


def _is_sound(part: Json) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "input_audio"


def _file(part: Json, at: JsonPath) -> Json:
    assert isinstance(part, Mapping)
    for key, value in part.items():
        if key not in ("type", "input_audio") and not is_empty(value):
            refuse((*at, key), "a file has no such key")
    sound = part.get("input_audio")
    holder: JsonObject = sound if isinstance(sound, Mapping) else {}
    for key, value in holder.items():
        if key not in ("data", "format") and not is_empty(value):
            refuse((*at, "input_audio", key), "a file has no such key")
    data, kind = holder.get("data"), holder.get("format")
    try:
        decoded = b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        refuse((*at, "input_audio"), "it has no data in base64")
    if _BOUNDARY.encode() in decoded:
        refuse((*at, "input_audio", "data"), "it contains the line that separates the fields of the form")
    return {"filename": f"audio.{kind}", "data": data}


DIALECT = Transcriptions()
