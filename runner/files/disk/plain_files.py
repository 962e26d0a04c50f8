"""Open regular files in plain folders, and check what was opened rather than what the name pointed to before.

A folder that somebody else wrote may contain links, FIFOs and devices under any name. Opening never blocks on one of
them, and the opened file is checked through its descriptor.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = [
    "NotPlainError",
    "open_plain",
    "plain_folder",
    "refuse_outside",
    "refuse_special",
    "trusted_owners",
]


class NotPlainError(OSError):
    """A path is not the expected regular file or folder but e.g. a link or a FIFO, or it belongs to another user.

    `strerror` says which.
    """

    def __init__(self, reason: str, path: str | os.PathLike[str]) -> None:
        super().__init__(errno.EPERM, reason, os.fspath(path))


def open_plain(
    path: str | os.PathLike[str], flags: int = os.O_RDONLY, mode: int = 0o666, *, follow: bool = False
) -> int:
    """Return a descriptor of the regular file at `path`, opened with `flags`; follow a link at the end only if `follow`.

    Never blocks. Raises NotPlainError if it is not a regular file, and OSError as `os.open` does.
    """
    # A system without such a flag has nothing that it would apply to, except Windows, which has links.
    extra = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    if not follow:
        extra |= getattr(os, "O_NOFOLLOW", 0)
        if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):  # noqa: PTH114 - a path of any kind
            raise NotPlainError("it is a link", path)
    try:
        descriptor = os.open(path, flags | extra, mode)
    except OSError as error:
        if not follow and os.path.islink(path):  # noqa: PTH114
            raise NotPlainError("it is a link", path) from None
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise NotPlainError("it is not a regular file", path) from None
        raise
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        raise NotPlainError("it is a folder" if stat.S_ISDIR(kind) else "it is not a regular file", path)
    return descriptor


def plain_folder(root: Path, *names: str, create: bool = False) -> Path | None:
    """Return the folder `root/names...`, or None if it does not exist; with `create`, missing folders are created.

    Each part below `root` must be a folder, not a link, and the first must belong to one of `trusted_owners(root)`.
    Raises NotPlainError and OSError.
    """
    folder = root
    for number, name in enumerate(names):
        folder = folder / name
        try:
            status = folder.lstat()
        except FileNotFoundError:
            if not create:
                return None
            folder.mkdir(exist_ok=True)
            status = folder.lstat()
        except NotADirectoryError:
            raise NotPlainError("it is not a folder", folder.parent) from None
        if not stat.S_ISDIR(status.st_mode):
            raise NotPlainError(
                "it is a link" if stat.S_ISLNK(status.st_mode) else "it is not a folder", folder
            )
        if number == 0 and not _is_trusted(status.st_uid, root):
            raise NotPlainError(f"it belongs to another user (uid {status.st_uid})", folder)
    return folder


def refuse_special(path: Path) -> None:
    """Raise NotPlainError if `path` exists but is not a regular file; for callers that open files by name."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(kind):
        raise NotPlainError("it is a link" if stat.S_ISLNK(kind) else "it is not a regular file", path)


def refuse_outside(path: Path, folder: Path) -> None:
    """Raise NotPlainError if a link in `path`, which is below `folder`, leads out of the folder.

    A dangling link counts too: writing would create its target.
    """
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise NotPlainError("a link in the path leads outside the folder", path)


def trusted_owners(root: Path) -> frozenset[int]:
    """Return the owners whose folders below `root` may be written to: the current user, root, and the owner of `root`.

    The owner of `root` can replace anything in it, so refusing that owner's folders would gain nothing; and root in a
    container works in a folder of the user.
    """
    return frozenset((os.geteuid(), 0, root.stat().st_uid)) if hasattr(os, "geteuid") else frozenset()


def _is_trusted(owner: int, root: Path) -> bool:
    return not hasattr(os, "geteuid") or owner == os.geteuid() or owner in trusted_owners(root)
