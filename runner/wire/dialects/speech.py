"""Speech (OpenAI's API reference, "Audio", `audio/speech`): the text of a prompt's message is spoken.

Leading system messages say how (`instructions`). Keys that the format of prompts does not have, from `extra_body`, are
sent unchanged, such as `speed`. The answer is the sound itself, not JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...finish_reasons import NONE_DECLARED, Declared
from ...values import Json, JsonObject
from ..error_rules import Asked
from ..medium import Medium
from ..provider_errors import read_error
from ..reply import Answer, Outcome, ProviderError, Reply
from ..usage import NO_LIMITS, TokenLimits
from .one_text import refuse, text_of
from .whole import NO_CHAT, Whole

__all__ = ["DIALECT", "REFUSED", "TRANSLATED", "Speech"]

TRANSLATED = frozenset({"model", "messages", "audio"})
"""The declared keys that are written there."""

_NOT_HERE = "audio/speech has no such parameter"
REFUSED: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(sorted(NO_CHAT | {"temperature", "logprobs", "user", "moderation"}), (_NOT_HERE, None)),
    "n": ("audio/speech gives one answer to each request", "use --repeat for several answers"),
    "modalities": ("audio/speech always answers with sound", "leave it out"),
    "response_format": (_NOT_HERE, "the format of the sound is `audio: {voice: ..., format: mp3}`"),
}
"""The declared keys that have no place there: why, and what to do."""

_API = "Speech API"
_SYSTEM = ("system", "developer")
_FORMATS = {"pcm16": "pcm"}
_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}
_SAME_TYPES = {"audio/x-wav": "audio/wav", "audio/mp3": "audio/mpeg", "audio/ogg": "audio/opus"}


class Speech(Whole):
    """`POST audio/speech`."""

    name = "speech"
    headers = MappingProxyType({"accept": "*/*"})
    names = MappingProxyType(
        {
            "input": ("messages",),
            "instructions": ("messages",),
            "voice": ("audio",),
            "response_format": ("audio",),
        }
    )

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "audio/speech"

    def encode(self, request: JsonObject) -> JsonObject:
        """Write every key under its name there, or refuse it."""
        body: dict[str, Json] = {}
        for key, value in request.items():
            if key in REFUSED:
                refuse((key,), *REFUSED[key])
            if key == "messages":
                _put(body, _said(value), key)
            elif key == "audio":
                _put(body, _voice(value), key)
            else:
                _put(body, {key: value}, key)
        if "voice" not in body:
            refuse((), "it requires a voice", "declare it: `audio: {voice: alloy, format: mp3}`")
        return body

    def completion(self, payload: Json) -> Json:
        """Return the payload unchanged: an answer is not JSON."""
        return payload

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
        """Return the result of one exchange, with the sound."""
        kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
        kind = kind.partition(";")[0].strip().lower()
        in_words = kind.startswith("text/") or "json" in kind or body[:1] in (b"{", b"<")
        if 200 <= status < 300 and body and not in_words:
            return Reply((_answer(Medium(_type(kind, request), body)),))
        if 200 <= status < 300 and not body:
            return Reply((Answer(0, Outcome.EMPTY, detail="The answer has no sound.", finish_reason="stop"),))
        if not 200 <= status < 300 or b'"error"' in body[:1000]:
            return super().read_reply(
                status, headers, body, request=request, finish_reasons=finish_reasons, keyed=keyed
            )
        asked = Asked(request, keyed, "audio/speech", self.names)
        hint = read_error(status, headers, body, asked).hint
        message = f"The response is {kind or 'text'}, not sound."
        return Reply(error=ProviderError("malformed_response", message, status=status, hint=hint))


def _answer(medium: Medium) -> Answer:
    return Answer(0, Outcome.OK, text=medium.description, finish_reason="stop", media=(medium,))


def _type(kind: str, request: JsonObject) -> str:
    """Return the media type of a sound: the server's if it names one, else that of the declared format."""
    if kind.startswith("audio/"):
        return _SAME_TYPES.get(kind, kind)
    declared = request.get("audio")
    word = declared.get("format") if isinstance(declared, Mapping) else None
    return _TYPES.get(_FORMATS.get(str(word), str(word)), "application/octet-stream")


def _put(body: dict[str, Json], fields: Mapping[str, Json], declared: str) -> None:
    for key, value in fields.items():
        if key in body:
            refuse((declared,), f"another key of the request already sets {key}", "declare only one of them")
        body[key] = value


def _voice(value: Json) -> dict[str, Json]:
    if not isinstance(value, Mapping):
        refuse(("audio",), "it needs a voice and a format", "write `audio: {voice: alloy, format: mp3}`")
    names = {"voice": "voice", "format": "response_format"}
    return {
        names.get(key, key): _FORMATS.get(str(each), each) if key == "format" else each
        for key, each in value.items()
    }


def _said(messages: Json) -> dict[str, Json]:
    """Return `input`, from the user's message, and `instructions`, from the system messages before it."""
    listed = messages if isinstance(messages, list | tuple) else ()
    how: list[str] = []
    said: str | None = None
    for index, message in enumerate(listed):
        text = text_of(message, ("messages", index), _API)
        role = message.get("role") if isinstance(message, Mapping) else None
        if role in _SYSTEM and said is None:
            how.append(text)
        elif role == "user" and said is None:
            said = text
        else:
            hint = "write what is to be spoken into one message of role user, at the end"
            refuse(("messages", index), "only one message is spoken, after those of the system", hint)
    if listed and said is None:
        refuse(("messages",), "there is nothing to speak", "add a message of role user")
    return {**({"instructions": "\n\n".join(how)} if how else {}), "input": said or ""}


DIALECT = Speech()
