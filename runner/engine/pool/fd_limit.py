"""The number of connections that this process may have open: each needs a file descriptor, and some systems allow few."""

from __future__ import annotations

import contextlib

__all__ = ["RESERVED", "room_for"]

RESERVED = 48
"""Descriptors for everything except connections: files, modules, name resolution, the event loop."""


def room_for(connections: int) -> int:
    """Return `connections`, or less if the limit on open files (`ulimit -n`), raised if possible, allows less."""
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
