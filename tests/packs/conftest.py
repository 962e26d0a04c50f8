from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import FaultServer
from tests.regress.repository import GitFolder

from .support import OWN, Author, Consumer, answer_by_label


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path / "author")


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    (tmp_path / "app").mkdir()
    return Consumer(tmp_path / "app")


@pytest.fixture
def project(author: Author, consumer: Consumer) -> Consumer:
    """A project in git that uses the pack, in a prompt of its own as well."""
    repository = GitFolder(consumer.folder)
    consumer.add(author)
    consumer.write("prompts/own.prompt.yaml", OWN)
    repository.commit()
    return consumer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(answer_by_label) as server:
        yield server


@pytest.fixture
def approved(author: Author, server: FaultServer) -> Author:
    """The author's repository with the answer that he approved, tagged v1.0.1."""
    own = Consumer(author.folder)
    own.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{base_url: '{server.base_url}'}}}}\n")
    assert own.run("test", "--update", "missing").code == 0
    assert own.run("pack", "check").code == 0
    author.git("config", "core.excludesFile", str(author.folder / ".git" / "ignored"))
    (author.folder / ".git" / "ignored").write_text(".runner/\n")
    author.release("1.0.1", {})
    server.requests.clear()
    return author


@pytest.fixture
def user(approved: Author, consumer: Consumer, server: FaultServer) -> Consumer:
    """A project with an endpoint that uses the pack as `support`."""
    consumer.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{base_url: '{server.base_url}'}}}}\n")
    consumer.add(approved, rev="v1.0.1")
    return consumer
