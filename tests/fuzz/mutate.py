"""Inputs out of inputs: small damage, growth, and other values in the places of values. The same for the same seed.

Bytes alone seldom get past a parser; so an input may also be made by changing the value that a seed holds and
spelling it anew. And what takes quadratic time is only seen in something long; so a piece may be repeated until the
input is as large as it may be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from runner.values import Json

from .target import LARGEST

__all__ = ["Mutator"]

_BYTES: Sequence[bytes] = (
    *(bytes([code]) for code in b"\x00\t\n\r \"#%&'*+,-./0:<>?@[\\]^`{|}~\x7f\x80\xff"),
    *(b"\r\n", b"\n\n", b"\n  ", b"\n- ", b": ", b" #", b"---\n", b"...\n", b"<<: ", b"*a", b"&a ", b"!!float ", b"!!int "),
    *(b"!", b"|+\n", b">-\n", b'"\\u', b"\\ud83d", b"\\", b"''", b"0x", b"0o7", b"1e999", b"-0", b"1e-7", b".inf", b".nan"),
    *(b"NaN", b"Infinity", b"null", b"true", b"~", b"9" * 20, b"9" * 310, b"9" * 4301, b"0x" + b"f" * 4200),
    *("\ufeff\u2028\u0085\u00a0\u200b\ue000😀é\ufffe".encode(), b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"),
    *(b"{{ a }}", b"{% if a %}", b"{%", b"{{", b"}}", b"{#", b"%}", b"{% include 'a.txt' %}", b"{% set a = 1 %}"),
    *(b"$.a", b"..", b"[*]", b"[-1]", b"['a']", b"~1", b"data: ", b"[DONE]", b"event: error\n", b"error: "),
    *(b"Retry-After: ", b"sk-", b"Bearer ", b"eyJ", b"-----BEGIN PRIVATE KEY-----", b"****"),
)  # fmt: skip

_VALUES: Sequence[Json] = (
    None, True, False, 0, 1, -1, 128, 10**15, -(10**30), 10**400, 0.0, -0.0, 0.5, 1e-7, 1e308, 1.5e22,
    "", " ", "a", "1", "null", "true", "~", "\n", "a\nb\n", " a\n b", "\t", "\x85\u2028", "\ufeff", "é😀", "\x7f", "a: b", "- a",
    "#", "*a", "&a", "!a", "{{ a }}", "{{", "{% if %}", "$.a", "$ref", "..", "[", "(", "a{4294967296}", "[[a]", "\\", "a" * 200,
    "../a", "/a", "a:b", "http://[", "#/a/b", "length", "error", "stop", "0429" + "1" * 20, "x" * 5000,
    [], {}, [[]], [{}], {"": None}, {"a": {"a": {"a": 1}}}, [1, "a", None], {"$ref": "#"}, {"error": {"message": "m"}},
)  # fmt: skip
_SPELT = [json.dumps(value) for value in _VALUES]
"""As texts: each time a value of its own, that may be changed further."""

_NUMBER = re.compile(rb"[0-9]+")
_MOST_VALUES = 400


class Mutator:
    """Makes inputs out of `seeds` (at least one). `values` are what some of them hold, `compose` spells one."""

    def __init__(
        self,
        seeds: Iterable[bytes],
        values: Iterable[Json] = (),
        compose: Callable[[Json], bytes] | None = None,
    ) -> None:
        self.seeds = [seed[:LARGEST] for seed in seeds]
        assert self.seeds, "something has to be mutated"
        self._values = list(values) if compose else []
        self._compose = compose
        self._words = sorted({word for value in self._values for word in _words(value)})

    def nth(self, index: int, seed: int = 0) -> bytes:
        """Input number `index`; the first ones are the seeds as they are."""
        if index < len(self.seeds):
            return self.seeds[index]
        random = Random((seed << 40) | index)
        return self.mutate(random.choice(self.seeds), random)

    def mutate(self, data: bytes, random: Random) -> bytes:
        """Another input, made of `data` or of a value of the seeds."""
        if self._values and random.random() < 0.4:
            data = self._of_value(random)
            if random.random() < 0.6:
                return data[:LARGEST]
        for _ in range(1 + int(random.expovariate(0.7))):
            data = random.choices(_OPERATIONS, _WEIGHTS)[0](self, data, random)
        return data[:LARGEST]

    # --- values ---------------------------------------------------------------------------------------------------

    def _of_value(self, random: Random) -> bytes:
        assert self._compose
        value: Any = json.loads(json.dumps(random.choice(self._values)))
        for _ in range(1 + int(random.expovariate(0.8))):
            value = self._changed(value, random)
            if len(spelt := json.dumps(value)) > LARGEST:
                break
            value = json.loads(spelt)  # no two of its parts are one
        return self._compose(value)

    def _changed(self, value: Any, random: Random) -> Any:
        """The value with one of its parts changed, whichever."""
        places = list(_places(value))
        parent: Any
        step: Any
        parent, step = random.choice(places) if places else (None, None)
        if parent is None:
            return self._another(value, random)
        match random.randrange(8):
            case 0:
                del parent[step]
            case 1 if isinstance(parent, dict):
                parent[self._word(random)] = parent.pop(step)
            case 2 if isinstance(parent, dict):
                parent[self._word(random)] = self._another(parent[step], random)
            case 3 if isinstance(parent, dict):
                count = random.choice((1, 20, 200))
                parent |= {f"{step}{number}": _numbered(parent[step], number) for number in range(count)}
            case 2 | 3 if isinstance(parent, list):
                count = random.choice((1, 2, 20, 200))
                parent.extend([_numbered(parent[step], number) for number in range(count)])
            case 4:
                nested = parent[step]
                for _ in range(random.choice((1, 3, 60, 120))):
                    nested = [nested] if random.random() < 0.5 else {self._word(random): nested}
                parent[step] = nested
            case 5 if isinstance(parent[step], str):
                parent[step] = self._damaged(parent[step], random)
            case _:
                parent[step] = self._another(parent[step], random)
        return value

    def _another(self, value: Any, random: Random) -> Any:
        draw = random.random()
        if draw < 0.5:
            return json.loads(random.choice(_SPELT))
        if draw < 0.8:
            return self._word(random)
        if isinstance(value, str):
            return self._damaged(value, random)
        return [value, value] if draw < 0.9 else {self._word(random): value}

    def _damaged(self, text: str, random: Random) -> str:
        data = text.encode("utf-8", "surrogatepass")
        return random.choice(_SMALL)(self, data, random).decode("utf-8", "replace")

    def _word(self, random: Random) -> str:
        return (
            random.choice(self._words)
            if self._words and random.random() < 0.9
            else random.choice(["", "a", "<<", "x-a"])
        )

    # --- bytes ----------------------------------------------------------------------------------------------------

    def _flip(self, data: bytes, random: Random) -> bytes:
        if not data:
            return data
        at = random.randrange(len(data))
        return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]

    def _insert(self, data: bytes, random: Random) -> bytes:
        at = random.randint(0, len(data))
        return data[:at] + random.choice(_BYTES) + data[at:]

    def _replace(self, data: bytes, random: Random) -> bytes:
        start, end = _range(data, random, 8)
        return data[:start] + random.choice(_BYTES) + data[end:]

    def _delete(self, data: bytes, random: Random) -> bytes:
        start, end = _range(data, random, random.choice((1, 4, 30, 400)))
        return data[:start] + data[end:]

    def _cut(self, data: bytes, random: Random) -> bytes:
        at = random.randint(0, len(data))
        return data[:at] if random.random() < 0.7 else data[at:]

    def _double(self, data: bytes, random: Random) -> bytes:
        start, end = _range(data, random, random.choice((2, 10, 100)))
        at = random.randint(0, len(data))
        return data[:at] + data[start:end] * random.choice((1, 1, 2, 5)) + data[at:]

    def _number(self, data: bytes, random: Random) -> bytes:
        found = list(_NUMBER.finditer(data))
        if not found:
            return self._insert(data, random)
        number = random.choice(found)
        other = random.choice(
            (b"0", b"-1", b"00", b"1.5", b"1e5", b"4294967296", b"9" * 19, b"9" * 400, b"9" * 4400, b"0x1")
        )
        return data[: number.start()] + other + data[number.end() :]

    def _line(self, data: bytes, random: Random) -> bytes:
        """A line more or less indented, gone, doubled, or in another place."""
        lines = data.split(b"\n")
        at = random.randrange(len(lines))
        match random.randrange(5):
            case 0:
                lines[at] = b" " * random.randint(1, 4) + lines[at]
            case 1:
                lines[at] = lines[at].lstrip(b" ")
            case 2:
                del lines[at]
            case 3:
                lines.insert(random.randrange(len(lines)), lines[at])
            case _:
                lines.insert(at, random.choice(_BYTES))
        return b"\n".join(lines)

    def _splice(self, data: bytes, random: Random) -> bytes:
        other = random.choice(self.seeds)
        return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]

    def _grow(self, data: bytes, random: Random) -> bytes:
        """A piece repeated until the input is large; in some, each time with another number in it."""
        if random.random() < 0.5:
            piece = b"".join(random.choice(_BYTES) for _ in range(random.randint(1, 4)))
            start = end = random.randint(0, len(data))
        else:
            start, end = _range(data, random, random.choice((1, 3, 12, 60, 300)))
            piece = data[start:end]
        if random.random() < 0.2:
            piece = data[data.rfind(b"\n", 0, start) + 1 : (data.find(b"\n", end) + 1) or None]
        if not piece:
            return data
        room = random.choice((200, 2_000, LARGEST)) - len(data)
        count = max(room // len(piece), 1)
        if random.random() < 0.4:
            count = max(room // (len(piece) + 4), 1)
            cut = random.randint(0, len(piece))
            grown = b"".join(b"%b%d%b" % (piece[:cut], number, piece[cut:]) for number in range(count))
        else:
            grown = piece * count
        return data[:start] + grown + data[end:]


_SMALL = (Mutator._flip, Mutator._insert, Mutator._replace, Mutator._delete, Mutator._double, Mutator._number)
_OPERATIONS = (*_SMALL, Mutator._cut, Mutator._line, Mutator._splice, Mutator._grow)
_WEIGHTS = (12, 20, 12, 12, 8, 6, 4, 14, 8, 1)


def _range(data: bytes, random: Random, longest: int) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.randint(1, longest))


def _numbered(value: Any, number: int) -> Any:
    """The value, or where a text or a mapping can be told from its like, another one."""
    if isinstance(value, str) and number % 2:
        return f"{value}{number}"
    return {**value, "id": f"n{number}"} if isinstance(value, dict) and number % 3 == 1 else value


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Some places in a value, as the container and the key or index in it."""
    found: list[tuple[Any, Any]] = []
    queue = [value]
    for container in queue:
        steps = (
            container
            if isinstance(container, dict)
            else range(len(container))
            if isinstance(container, list)
            else ()
        )
        for step in steps:
            found.append((container, step))
            queue.append(container[step])
        if len(found) > _MOST_VALUES:
            break
    return found


def _words(value: Any) -> Iterable[str]:
    """The keys in a value, and its short texts."""
    for container, step in _places(value):
        if isinstance(step, str):
            yield step
        if isinstance(container[step], str) and len(container[step]) <= 30:
            yield container[step]
