"""The limits of a rendering process."""

from __future__ import annotations

import sys
from dataclasses import dataclass

__all__ = [
    "GRACE_SECONDS",
    "KERNEL_LIMITS_MEMORY",
    "MAX_ANSWER",
    "MAX_LINE",
    "MEMORY",
    "SECONDS",
    "START_SECONDS",
    "Limits",
]

MEMORY = 512 * 1024 * 1024
"""Bytes of memory, beyond what the interpreter itself uses."""

SECONDS = 5.0
"""Seconds for one rendering, and for compiling one prompt."""

GRACE_SECONDS = 1.0
"""Seconds after the time limit until a process that has not stopped is killed."""

START_SECONDS = 30.0
"""Seconds within which a new process must report that it is ready; it usually needs a tenth of one."""

MAX_ANSWER = 32 * 1024 * 1024
"""Bytes of all texts of one rendering; each text also has its own limit in characters."""

MAX_LINE = 4 * 1024 * 1024
"""Bytes of any other answer."""

KERNEL_LIMITS_MEMORY = sys.platform != "darwin"
"""Whether the system enforces a memory limit. macOS does not; there the parent watches the memory use."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory in bytes and time in seconds."""

    memory: int = MEMORY
    seconds: float = SECONDS

    @property
    def hint(self) -> str:
        """Return a hint for the author of a template that exceeded the limits."""
        return f"with --isolate a prompt has {self.seconds:g} seconds and {self.memory // 2**20} MiB to render in"

    @property
    def too_slow(self) -> str:
        """Return the message for a template that exceeded the time limit."""
        return f"the template takes longer than {self.seconds:g} seconds"
