"""Regular files in plain folders, held by what was opened and not by what a name seemed to be a moment before.

A folder that somebody else wrote may hold links, FIFOs and devices under any name. Opening never waits for one of them,
and what was opened is looked at through its descriptor.
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
    """A link, a folder, a device or a FIFO where a regular file is meant, a link or a file where a folder is meant, or
    something that belongs to another user. `strerror` says which.
    """

    def __init__(self, reason: str, path: str | os.PathLike[str]) -> None:
        super().__init__(errno.EPERM, reason, os.fspath(path))


def open_plain(
    path: str | os.PathLike[str], flags: int = os.O_RDONLY, mode: int = 0o666, *, follow: bool = False
) -> int:
    """A descriptor of the regular file at `path`, opened with `flags`; a link as the last part only with `follow`.

    Never waits. Raises NotPlainError for what is no regular file, and OSError as `os.open` does.
    """
    # Where a system has no such flag, it has nothing to which it would apply, but for Windows, which has links.
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
    """The folder `root/names...`, each part below `root` a folder and no link; None where one of them is not there.

    The first part belongs to one of `trusted_owners(root)`. With `create` the missing ones are made. Raises
    NotPlainError and OSError.
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
    """Raise NotPlainError where something is at `path` that is no regular file: for those who open by name."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(kind):
        raise NotPlainError("it is a link" if stat.S_ISLNK(kind) else "it is not a regular file", path)


def refuse_outside(path: Path, folder: Path) -> None:
    """Raise NotPlainError where a link on the way to `path`, which lies below `folder`, leads out of it.

    A link that leads nowhere counts too: writing would make the file that it names.
    """
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise NotPlainError("a link on the way leads outside the folder", path)


def trusted_owners(root: Path) -> frozenset[int]:
    """Whose folders below `root` may be written to: one's own, root's, and those of the owner of `root` itself.

    The owner of `root` can put anything in the place of anything in it, so nothing is won by refusing what is his; and
    root in a container works in a folder of the user's.
    """
    return frozenset((os.geteuid(), 0, root.stat().st_uid)) if hasattr(os, "geteuid") else frozenset()


def _is_trusted(owner: int, root: Path) -> bool:
    return not hasattr(os, "geteuid") or owner == os.geteuid() or owner in trusted_owners(root)
