"""How many connections this process may have open at once: each takes a file descriptor, and they are few on some systems."""

from __future__ import annotations

import contextlib

__all__ = ["RESERVED", "room_for"]

RESERVED = 48
"""Descriptors for everything that is no connection: files, modules, name resolution, the event loop."""


def room_for(connections: int) -> int:
    """So many connections, or as many of them as the limit allows (`ulimit -n`), which is raised as far as it may be."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return connections
    limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + RESERVED
    if limit != resource.RLIM_INFINITY and limit < wanted:
        raised = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        # macOS refuses more than the kernel's own limit.
        with contextlib.suppress(OSError, OverflowError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, highest))
            limit = raised
    if limit == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, limit - RESERVED))
