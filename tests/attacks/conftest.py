from __future__ import annotations

from tests.cli.conftest import asked, project, server

__all__ = ["asked", "project", "server"]
