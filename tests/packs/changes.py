"""Ways to change the copy of a pack by hand; each says how the error for it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from .support import Consumer

__all__ = ["add_file", "add_hidden_file", "delete_file", "flip", "link_file", "rename_file"]


def flip(project: Consumer) -> str:
    path = project.folder / "packs/support/partials/tone.j2"
    path.write_bytes(path.read_bytes().replace(b"kind", b"kinb"))
    return f"{Path('packs/support/partials/tone.j2')}: error: the pack support was changed after it was locked: its bytes"


def add_file(project: Consumer) -> str:
    project.write("packs/support/partials/evil.j2", "x")
    return f"{Path('packs/support/partials/evil.j2')}: error: the pack support was changed after it was locked: it is not in"


def add_hidden_file(project: Consumer) -> str:
    project.write("packs/support/.evil.yaml", "x")
    return f"{Path('packs/support/.evil.yaml')}: error: the pack support was changed"


def rename_file(project: Consumer) -> str:
    (project.folder / "packs/support/partials/tone.j2").rename(
        project.folder / "packs/support/partials/tune.j2"
    )
    return (
        f"{Path('packs/support/partials/tune.j2')}: error: the pack support was changed after it was locked: "
        "it is partials/tone.j2 in packs.lock"
    )


def delete_file(project: Consumer) -> str:
    (project.folder / "packs/support/schemas/ticket.json").unlink()
    return f"{Path('packs/support/schemas/ticket.json')}: error: the pack support was changed after it was locked: it is in"


def link_file(project: Consumer) -> str:
    path = project.folder / "packs/support/partials/tone.j2"
    path.rename(project.folder / "tone.j2")
    try:
        path.symlink_to(project.folder / "tone.j2")
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    return f"{Path('packs/support/partials/tone.j2')}: error: the pack support was changed after it was locked: it is a link"
