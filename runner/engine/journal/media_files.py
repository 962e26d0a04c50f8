"""The images and sounds in the answers of a run: files named by their hash, in `media/` beside its journal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from ...files.disk.atomic import write_whole
from ...values import Json
from ...wire.medium import Medium
from .journal_file import cannot_store
from .paths import RUNS, plain

__all__ = ["MediaFolder", "read_medium"]

_FILE = re.compile(rf"{re.escape(RUNS.as_posix())}/[A-Za-z0-9-]+/media/([0-9a-f]{{64}})\.[a-z0-9]+")


class MediaFolder:
    """The folder of one run's media, which is made for the first of them."""

    def __init__(self, run: Path) -> None:
        self._folder = run / "media"
        self._shown = (RUNS / run.name / "media").as_posix()

    def keep(self, medium: Medium) -> str:
        """Store a medium and return its path from the project's root. Raises StorageError."""
        path = self._folder / medium.file_name
        try:
            self._folder.mkdir(exist_ok=True)
            if not path.exists():
                write_whole(path, medium.data, durable=True)
        except OSError as error:
            raise cannot_store(error, self._folder) from None
        return f"{self._shown}/{medium.file_name}"


def read_medium(root: Path, entry: Mapping[str, Json]) -> bytes | None:
    """Return the bytes of a medium that a record names, from the project's root.

    None if they are not there, or are not those that were received.
    """
    found = _FILE.fullmatch(str(entry.get("file")))
    if found is None:
        return None
    from ...files.disk.plain_files import open_plain

    try:
        with plain(), open(open_plain(root / found[0]), "rb") as file:  # noqa: PTH123 - a descriptor
            data = file.read()
    except Exception:  # noqa: BLE001 - whatever the file is: the report says that it is not there
        return None
    return data if sha256(data).hexdigest() == found[1] == entry.get("sha256") else None
