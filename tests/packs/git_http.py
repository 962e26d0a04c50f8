"""A git server over HTTP on the loopback interface: git's own `http-backend` behind the tests' scripted server."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults import Received, Steps, reply
from tests.regress.repository import ENVIRON

__all__ = ["serve_git"]


def serve_git(folder: Path, *, user: str | None = None, password: str = "") -> Callable[[Received], Steps]:
    """Serve the repositories below a folder; with a `user` only to whoever gives that name and password."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def answer(request: Received) -> Steps:
        if user is not None and request.headers.get("authorization") != expected:
            return reply(401, "who is it?", headers={"www-authenticate": 'Basic realm="packs"'})
        parts = urlsplit(request.target)
        environ = {
            **os.environ,
            **ENVIRON,
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=request.body, env=environ, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(fields.pop("Status", "200").split()[0])
        return reply(status, body, headers={name.lower(): value for name, value in fields.items()})

    return answer
