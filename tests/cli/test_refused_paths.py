"""What the system refuses: names that are too long, loops of links, files in the place of folders, no permission."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import FaultServer
from tests.patience import PATIENCE

from .asking import KEY
from .project import ProjectFolder

PATHS = [
    ("check", "{}"),
    ("render", "{}"),
    ("run", "{}"),
    ("test", "--offline", "{}"),
    ("run", "--input", "{}"),
    ("run", "--vars", "{}"),
    ("run", "--output", "{}/o.jsonl"),
    ("run", "--env-file", "{}"),
    ("run", "--var", "name=@{}"),
    ("run", "--resume", "{}"),
    ("runs", "show", "{}"),
    ("merge", "{}"),
    ("explain", "{}"),
    ("pending", "{}"),
    ("accept", "{}"),
    ("accept", "--all", "--from", "{}"),
    ("review", "{}"),
    ("prune", "{}"),
    ("init", "{}"),
    ("pack", "init", "{}"),
    ("pack", "add", "x", "--path", "{}"),
]


@pytest.mark.skipif(os.name == "nt", reason="its names and links are others")
@pytest.mark.parametrize("place", ["x" * 5000, "loop", "loop/x", "file/x"], ids=lambda place: place[:10])
@pytest.mark.parametrize("command", PATHS, ids=" ".join)
def test_a_path_that_the_system_refuses_is_an_error_and_nothing_is_sent(
    asked: ProjectFolder, server: FaultServer, command: tuple[str, ...], place: str
) -> None:
    asked.write("file", "")
    (asked.folder / "loop").symlink_to("loop")
    done = asked.run(*(word.format(place) for word in command), env={"FAKE_KEY": KEY})
    assert done.code in (2, 3, 5) or command[0] == "pending", done.err
    assert server.requests == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/usr/bin/setpriv").exists(), reason="root reads everything")
@pytest.mark.parametrize("command", PATHS, ids=" ".join)
def test_a_folder_that_may_not_be_read_is_an_error(
    asked: ProjectFolder, server: FaultServer, command: tuple[str, ...]
) -> None:
    (asked.folder / "secret").mkdir(mode=0)
    without = ["/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
    done = subprocess.run(
        [*(without if os.getuid() == 0 else ()), sys.executable, "-m", "runner"]
        + [word.format("secret/x") for word in command],
        cwd=asked.folder,
        env=asked.environ({"FAKE_KEY": KEY}),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )
    (asked.folder / "secret").chmod(0o700)
    assert done.returncode in (2, 3, 5), done.stderr
    assert "Traceback" not in done.stderr
    assert server.requests == []
