"""Files and folders change together: all of them, or none, wherever the disk gives up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import StorageError
from runner.packs.file_transaction import FileTransaction

OLD = {"packs/a/x": b"1", "packs/a/sub/y": b"2", "packs/gone/z": b"3", "packs.lock": b"old", "notes": b"n"}
NEW = {"packs/a/x": b"9", "packs/b/w": b"4", "packs.lock": b"new", "runner.yaml": b"r", "notes": b"n"}


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def folders(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, data in OLD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def transaction(root: Path) -> FileTransaction:
    done = FileTransaction()
    done.set_folder(root / "packs/a", {"x": b"9"})
    done.set_folder(root / "packs/b", {"w": b"4"})
    done.set_folder(root / "packs/gone", None)
    done.set_file(root / "packs.lock", b"new")
    done.set_file(root / "runner.yaml", b"r")
    return done


def test_everything_changes_and_nothing_is_left_over(root: Path) -> None:
    transaction(root).commit()
    assert files(root) == NEW
    assert folders(root) == {"packs", "packs/a", "packs/b"}


def test_a_file_can_go(root: Path) -> None:
    done = FileTransaction()
    done.set_file(root / "packs.lock", None)
    done.set_file(root / "never.there", None)
    done.commit()
    assert "packs.lock" not in files(root)


class _Failing:
    """A call that fails the n-th time it is made, and works before and after."""

    def __init__(self, call: Callable[..., object], after: int) -> None:
        self._call = call
        self._left = after

    def __call__(self, *args: object, **kwargs: object) -> object:
        self._left -= 1
        if self._left == 0:
            raise OSError(28, "No space left on device", str(args[0]))
        return self._call(*args, **kwargs)


@pytest.mark.parametrize("after", range(1, 12))
@pytest.mark.parametrize("call", ["rename", "replace", "open", "mkdir", "unlink"])
def test_where_the_disk_gives_up_everything_stays_as_it_was(
    call: str, after: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, places = files(root), folders(root)
    failing = _Failing(getattr(Path, call), after)
    done = transaction(root)
    done.set_file(root / "notes", None)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(Path, call, lambda *args, **kwargs: failing(*args, **kwargs))
            done.commit()
    except StorageError as error:
        assert "No space left on device" in error.message
        assert error.hint == "nothing was changed"
        assert (files(root), folders(root)) == (before, places)
    else:
        expected = {name: data for name, data in NEW.items() if name != "notes"}
        left = {name: data for name, data in files(root).items() if not Path(name).name.startswith(".")}
        assert {
            name: data for name, data in left.items() if "/.gone" not in name and "/.a-" not in name
        } == expected


@pytest.mark.parametrize("call", ["rename", "replace"])
def test_an_interrupt_in_the_middle_changes_nothing_either(
    call: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(root)
    real, seen = getattr(Path, call), []

    def interrupted(self: Path, target: Path) -> object:
        seen.append(self)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        transaction(root).commit()
    assert files(root) == before


def test_what_cannot_be_put_back_is_kept_and_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(self)
        if (
            len(calls) >= 2
        ):  # the first puts the old one aside; neither it nor the new one gets into its place
            raise OSError(5, "Input/output error", str(self))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(StorageError) as caught:
        transaction(root).commit()
    assert caught.value.hint is not None
    kept = Path(caught.value.hint.removeprefix("the previous content is in "))
    assert (kept / "x").read_bytes() == b"1"


def test_a_link_stays_a_link(root: Path) -> None:
    (root / "elsewhere.yaml").write_bytes(b"old")
    try:
        (root / "runner.yaml").symlink_to(root / "elsewhere.yaml")
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    done = FileTransaction()
    done.set_file(root / "runner.yaml", b"new")
    done.commit()
    assert (root / "runner.yaml").is_symlink()
    assert (root / "elsewhere.yaml").read_bytes() == b"new"
