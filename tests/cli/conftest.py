from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import FaultServer
from tests.patience import PATIENCE

from .asking import PROMPT
from .project import ProjectFolder


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def asked(project: ProjectFolder, server: FaultServer) -> ProjectFolder:
    """A project whose one endpoint is the fault server."""
    project.write(
        "runner.yaml",
        "endpoint: fake\nendpoints:\n"
        f"  fake: {{base_url: '{server.base_url}', api_key_env: FAKE_KEY, max_retries: 2, timeout: {PATIENCE:g}}}\n",
    )
    project.write("prompts/hello.prompt.yaml", PROMPT)
    return project
