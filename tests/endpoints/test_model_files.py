"""Model files: found by name or path, fetched once, never used before they are whole."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from runner.endpoints.model_files import DEFAULT_MODEL, PUBLISHED, ModelFile, Published, fetch, find_model
from runner.errors import ConfigError, Location
from runner.files.disk.file_lock import locked
from tests.patience import PATIENCE

WEIGHTS = b"GGUF" + bytes(range(256)) * 1000
MEMBER = "tiny_model/tiny.gguf"

needs_pip = pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="pip is not installed here")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for PyPI, with one wheel in it; pip looks nowhere else."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    files = {
        MEMBER: WEIGHTS,
        "tiny_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        "tiny_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    with zipfile.ZipFile(shelf / "tiny_model-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", record + "tiny_model-1.0.dist-info/RECORD,,\n")
    return shelf


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    published = Published(
        requirement="tiny-model==1.0",
        member=MEMBER,
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        size=len(WEIGHTS),
        wheel_size=300_000,
    )
    return ModelFile("tiny", "embedded:tiny", tmp_path / "cache" / "models" / "tiny.gguf", published)


def kept(model: ModelFile) -> list[str]:
    """What lies in the model's folder, apart from the lock."""
    return sorted(path.name for path in model.path.parent.iterdir() if path.suffix != ".lock")


def unheard(_name: str, _done: int, _total: int) -> None:
    raise AssertionError("nothing is to be fetched")


@pytest.mark.slow
@needs_pip
def test_a_model_is_fetched_and_nothing_else_is_left(shelf: Path, model: ModelFile) -> None:
    heard: list[tuple[int, int]] = []
    path = fetch(model, lambda _, done, total: heard.append((done, total)))
    assert path.read_bytes() == WEIGHTS
    assert kept(model) == ["tiny.gguf"]
    assert heard[-1] == (300_000, 300_000)


def test_a_model_that_is_there_is_not_fetched(model: ModelFile) -> None:
    model.path.parent.mkdir(parents=True)
    model.path.write_bytes(WEIGHTS)
    assert fetch(model, unheard) == model.path


@pytest.mark.slow
@needs_pip
def test_a_partial_file_is_never_used(shelf: Path, model: ModelFile) -> None:
    model.path.parent.mkdir(parents=True)
    model.path.write_bytes(WEIGHTS[:1000])
    assert fetch(model, lambda *_: None).read_bytes() == WEIGHTS


@pytest.mark.slow
@needs_pip
@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"member": "tiny_model/other.gguf"}])
def test_a_file_with_another_hash_is_not_kept(shelf: Path, model: ModelFile, wrong: dict[str, str]) -> None:
    assert model.published is not None
    with pytest.raises(ConfigError, match="does not contain the expected model"):
        fetch(replace(model, published=replace(model.published, **wrong)), lambda *_: None)  # type: ignore[arg-type]
    assert kept(model) == []


@pytest.mark.slow
@needs_pip
def test_without_the_index_the_error_says_what_pip_said(shelf: Path, model: ModelFile) -> None:
    (shelf / "tiny_model-1.0-py3-none-any.whl").unlink()
    with pytest.raises(
        ConfigError, match=r"pip could not download tiny-model==1\.0: .*No matching distribution"
    ) as caught:
        fetch(model, lambda *_: None)
    assert "to its path" in (caught.value.hint or "")
    assert kept(model) == []


@pytest.mark.slow
@needs_pip
def test_two_at_once_fetch_it_once(shelf: Path, model: ModelFile) -> None:
    heard: list[str] = []

    def fetching(name: str) -> None:
        fetch(model, lambda *_: heard.append(name))

    threads = [threading.Thread(target=fetching, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(heard)) == 1
    assert model.path.read_bytes() == WEIGHTS


def test_a_folder_that_cannot_be_written_is_told(model: ModelFile) -> None:
    model.path.parent.parent.write_bytes(b"a file where the folder should be")
    with pytest.raises(ConfigError, match="cannot be stored in") as caught:
        fetch(model, unheard)
    assert "RUNNER_CACHE_DIR" in (caught.value.hint or "")


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with locked(tmp_path / "lock"):
            entered.set()

    waiting = threading.Thread(target=enter)
    with locked(tmp_path / "lock"):
        waiting.start()
        assert not entered.wait(0.1)
    assert entered.wait(PATIENCE)
    waiting.join()


def test_the_default_model_lies_in_the_cache_folder(tmp_path: Path) -> None:
    found = find_model(DEFAULT_MODEL, {"RUNNER_CACHE_DIR": str(tmp_path)})
    assert found.path == tmp_path / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert PUBLISHED[DEFAULT_MODEL].sha256 in found.identity


def test_a_path_is_relative_to_the_root(tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(WEIGHTS)
    assert find_model("mine.gguf", {}, root=tmp_path).path == tmp_path / "mine.gguf"
    assert find_model("./mine.gguf", {}, root=tmp_path).name == "mine"


def test_the_identity_of_a_file_changes_with_its_bytes_and_not_with_its_folder(tmp_path: Path) -> None:
    def identity(folder: str, data: bytes) -> str:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.gguf").write_bytes(data)
        return find_model(f"{folder}/mine.gguf", {}, root=tmp_path).identity

    assert identity("a", WEIGHTS) == identity("b", WEIGHTS)
    assert identity("c", WEIGHTS[:-1] + b"x") != identity("d", WEIGHTS)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("smollm3", "there is no embedded model called 'smollm3'"),
        ("missing.gguf", "missing.gguf cannot be read"),
        (".", "there is no embedded model"),
        ("./", "cannot be read"),
        ("./text.gguf", "text.gguf is not a GGUF file"),
    ],
)
def test_a_model_that_is_not_one_is_refused(tmp_path: Path, model: str, message: str) -> None:
    (tmp_path / "text.gguf").write_bytes(b"hello")
    at = Location("runner.yaml", 3, 7)
    with pytest.raises(ConfigError, match=message) as caught:
        find_model(model, {}, root=tmp_path, location=at)
    assert caught.value.location == at
