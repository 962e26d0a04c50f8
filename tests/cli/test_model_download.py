"""Fetching the embedded model, as a person sees it: Ctrl-C ends it at once."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from .project import ProjectFolder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_ends_a_download_from_which_nothing_comes(
    project: ProjectFolder, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    pytest.importorskip("xllamacpp", reason="the extra 'local' is not installed")
    pytest.importorskip("pip", reason="pip is not installed here")
    project.write("runner.yaml", "endpoint: local\n")
    project.write(
        "p.prompt.yaml",
        "model: m\nmessages: [{role: user, content: '{{ x }}'}]\n"
        "tests: [{id: a, vars: {x: 1}}, {id: b, vars: {x: 2}}]\n",
    )
    with socket.create_server(("127.0.0.1", 0)) as index:
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        env = {
            "RUNNER_CACHE_DIR": str(tmp_path / "models"),
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": url,
            "NO_PROXY": "127.0.0.1",
        }
        process = project.start("run", "--jobs", "2", env=env)
        asked, _ = index.accept()  # pip waits for an answer that never comes
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        asked.close()
    assert process.returncode == code, out + err
    assert "stopped early: interrupted; 2 cases not asked" in out + err or "2 not asked" in out + err
    assert [path.name for path in (tmp_path / "models" / "models").iterdir() if path.suffix != ".lock"] == []
