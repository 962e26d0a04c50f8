from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import FaultServer
from tests.regress.repository import GitFolder

from .support import OWN, Author, Consumer, answer_by_label


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What most tests begin with, made once and copied: a repository with a pack, and a project in git that uses it."""
    folder = tmp_path_factory.mktemp("beginnings")
    author = Author(folder / "author")
    repository = GitFolder(folder / "app")
    consumer = Consumer(folder / "app")
    consumer.add(author)
    consumer.write("prompts/own.prompt.yaml", OWN)
    repository.commit()
    return folder


@pytest.fixture
def author(beginnings: Path, tmp_path: Path) -> Author:
    """A repository with a pack."""
    return Author(Path(shutil.copytree(beginnings / "author", tmp_path / "author", symlinks=True)))


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """An empty folder beside it."""
    (tmp_path / "app").mkdir()
    return Consumer(tmp_path / "app")


@pytest.fixture
def project(author: Author, beginnings: Path, tmp_path: Path) -> Consumer:
    """A project in git that uses the pack, in a prompt of its own as well."""
    return Consumer(Path(shutil.copytree(beginnings / "app", tmp_path / "app", symlinks=True)))


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
