"""The names that Windows takes for devices, with any ending: a file that is called so cannot be checked out there."""

from __future__ import annotations

import re

__all__ = ["is_device"]

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def is_device(name: str) -> bool:
    """Whether a name, one part of a path, is that of a device on Windows."""
    return _DEVICE.fullmatch(name) is not None
