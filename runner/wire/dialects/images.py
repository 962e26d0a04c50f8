"""Images (OpenAI's API reference, "Images", `images/generations`): the text of a prompt's only message becomes images.

Keys that the format of prompts does not have, from `extra_body`, are sent unchanged: `size`, `quality`, `background` ...
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType

from ...finish_reasons import NONE_DECLARED, Declared
from ...values import Json, JsonObject
from ..decoding import decode_envelope
from ..medium import Medium, image_type
from ..reply import Answer, Outcome, ProviderError, Reply
from ..usage import NO_LIMITS, TokenLimits
from .one_text import only_text, refuse
from .whole import NO_CHAT, Whole, counted

__all__ = ["DIALECT", "REFUSED", "SAME", "Images"]

SAME = frozenset({"model", "n", "user"})
"""The keys that have the same name and meaning there."""

_NOT_HERE = "images/generations has no such parameter"
REFUSED: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(sorted(NO_CHAT | {"temperature", "logprobs"}), (_NOT_HERE, None)),
    **dict.fromkeys(("modalities", "audio"), ("images/generations answers with images", "leave it out")),
    "response_format": ("images have no schema", "leave it out"),
    "moderation": (_NOT_HERE, "its own moderation is a word: extra_body: {moderation: low}"),
}
"""The declared keys that have no place there: why, and what to do."""

_OWN_WORDS = ("response_format", "moderation")
"""Keys that are objects in prompts, and words from `extra_body` there."""

_HINT = "write what is to be seen into one message of role user"
_NO_IMAGE = "The server sent no image"
_ADDRESS = (
    f"{_NO_IMAGE}, but its address, which expires: for a model that does so, declare extra_body: "
    "{response_format: b64_json}."
)


class Images(Whole):
    """`POST images/generations`."""

    name = "images"
    names = MappingProxyType({"prompt": ("messages",)})

    def path(self, request: JsonObject, *, stream: bool) -> str:
        """Return the same path for every request."""
        return "images/generations"

    def encode(self, request: JsonObject) -> JsonObject:
        """Write every key under its name there, or refuse it."""
        body: dict[str, Json] = {}
        for key, value in request.items():
            if key == "messages":
                body["prompt"] = only_text(value, "Images API", _HINT)
            elif key in REFUSED and not (key in _OWN_WORDS and isinstance(value, str)):
                refuse((key,), *REFUSED[key])
            else:
                body[key] = value
        return body

    def completion(self, payload: Json) -> Json:
        """Translate a list of images; the text of each is its description."""
        listed = payload.get("data") if isinstance(payload, Mapping) else None
        if (
            not isinstance(payload, Mapping)
            or not isinstance(listed, list)
            or payload.get("error") is not None
        ):
            return payload
        left = {key: value for key, value in payload.items() if key not in ("data", "created", "usage")}
        choices: list[Json] = [_choice(index, image) for index, image in enumerate(listed)]
        return {
            **left,
            "object": "chat.completion",
            "choices": choices,
            "usage": counted(payload.get("usage")),
        }

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
        """Return the result of one exchange, with the images."""
        reply = super().read_reply(
            status, headers, body, request=request, finish_reasons=finish_reasons, keyed=keyed, limits=limits
        )
        if reply.error is not None:
            return reply
        try:
            payload = decode_envelope(body)
        except ValueError:
            return reply
        listed = payload.get("data") if isinstance(payload, Mapping) else None
        images = [_medium(each) for each in listed] if isinstance(listed, list) else []
        return reply._replace(answers=tuple(_with(answer, images) for answer in reply.answers))


def _with(answer: Answer, images: list[Medium | None]) -> Answer:
    medium = images[answer.choice] if answer.choice < len(images) else None
    return answer if medium is None or answer.outcome is Outcome.ERROR else answer._replace(media=(medium,))


def _medium(image: Json) -> Medium | None:
    coded = image.get("b64_json") if isinstance(image, Mapping) else None
    if not isinstance(coded, str):
        return None
    try:
        data = b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Medium(image_type(data), data) if data else None


def _choice(index: int, image: Json) -> Json:
    medium = _medium(image)
    fields = image if isinstance(image, Mapping) else {"image": image}
    beside = {key: value for key, value in fields.items() if key != "b64_json"}
    if medium is None:
        error = ProviderError("no_image", _ADDRESS if fields.get("url") else f"{_NO_IMAGE}.")
        return {"index": index, "error": {"code": error.code, "message": error.message}, **beside}
    return {
        "index": index,
        "message": {"role": "assistant", "content": medium.description},
        "finish_reason": "stop",
        **beside,
    }


DIALECT = Images()
