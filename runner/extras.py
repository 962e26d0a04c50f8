"""Load optional libraries, which the extras of the distribution `prompt-runner` install."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from .errors import ConfigError, Location

__all__ = ["has_library", "install_hint", "load_extra", "missing_extra"]


def load_extra(module: str, extra: str, needed_by: str, location: Location | None = None) -> Any:
    """Return a module of an extra. Raises ConfigError if it is not installed; `needed_by` is the subject of the message."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise missing_extra(extra, needed_by, location=location) from None


def has_library(module: str) -> bool:
    """Return whether a top-level module is installed, without importing it."""
    return importlib.util.find_spec(module) is not None


def missing_extra(
    extra: str, needed_by: str, otherwise: str = "", *, location: Location | None = None
) -> ConfigError:
    """Return the error for an extra that is not installed; `otherwise` is what to do without it."""
    return ConfigError(
        f"{needed_by} needs the extra '{extra}', which is not installed",
        location=location,
        hint=install_hint(extra) + (f", or {otherwise}" if otherwise else ""),
    )


def install_hint(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'prompt-runner[{extra}]'"
