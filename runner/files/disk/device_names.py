"""Reserved device names on Windows, with any extension: a file with such a name cannot be checked out there."""

from __future__ import annotations

import re

__all__ = ["is_device"]

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def is_device(name: str) -> bool:
    """Return whether a name, one part of a path, is a reserved device name on Windows."""
    return _DEVICE.fullmatch(name) is not None
