"""Make names of files, cases and variables from names and texts in sources."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from ..files.disk.device_names import is_device
from ..files.inputs import usable_in_jinja

__all__ = ["case_name", "file_stem", "free_name", "input_name", "prompt_name"]

_MOST = 60


def file_stem(text: str, otherwise: str = "prompt") -> str:
    """Return a file name: lower-case letters, digits and hyphens."""
    stem = _slug(text)[:_MOST].strip("-._")
    if not stem:
        return otherwise
    return f"prompt-{stem}" if is_device(stem) else stem


def case_name(text: str, taken: Collection[str]) -> str | None:
    """Return an id that no other case has, or None if the text has no characters that an id can have."""
    slug = _slug(text)[:_MOST].strip("-._")
    if not slug or not re.match(r"[a-z0-9]", slug):
        return None
    return free_name(slug, taken)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number if it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def prompt_name(text: str) -> str:
    """Return a name for a prompt, in which forbidden characters are hyphens."""
    name = re.sub(r'[\x00-\x1f/\\:*?"<>|]+', "-", text).strip(" .-")
    return name[:80].strip(" .-")


def input_name(text: str, taken: Collection[str] = ()) -> str:
    """Return the name of a variable if Jinja can read it, otherwise the closest name that it can."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and usable_in_jinja(text) is None:
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W", "_", plain, flags=re.ASCII)
    if not name or not re.match(r"[A-Za-z_]", name):
        name = f"v_{name}"
    name = usable_in_jinja(name) or name
    return free_name(name, taken).replace("-", "_")


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._]+", "-", plain)
