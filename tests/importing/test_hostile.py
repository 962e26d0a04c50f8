"""Give hostile and broken files to every reader: they are refused at their location, contained, and never run."""

from __future__ import annotations

import json
import os

import pytest

from runner.importing.reading import READERS, read_source
from runner.importing.sources import Folder

from .support import adds_up, files_of, of_text

NAMES = {
    "github": "p.prompt.yml",
    "promptfoo": "promptfooconfig.yaml",
    "openai-evals": "run.json",
    "openai-request": "r.json",
    "prompty": "p.prompty",
    "dotprompt": "p.prompt",
    "evals-registry": "e.yaml",
    "llm-template": "t.yaml",
}
FRONT = {"prompty": "---\n{}\n---\nuser:\nhi\n", "dotprompt": "---\n{}\n---\nhi\n"}
YAML_KINDS = [kind for kind in READERS if NAMES[kind].endswith((".yaml", ".yml")) or kind in FRONT]


def framed(kind: str, text: str) -> str:
    return FRONT[kind].replace("{}", text) if kind in FRONT else text


def test_every_reader_is_tried() -> None:
    assert NAMES.keys() == READERS.keys()


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "text", ["", "\n", "null", "[]", "{}", "3", '"text"', "[[[", "a: b: c", "\ufeff", "\x00", "- - - -"]
)
def test_what_says_nothing_is_refused_in_words(kind, text, tmp_path):
    if (kind, text) == ("llm-template", '"text"'):
        return  # a template that is one string
    found = of_text(tmp_path, kind, NAMES[kind], text)
    assert found.refused is not None
    assert found.files == ()
    assert adds_up(found)
    assert len(str(found.refused)) < 1000


@pytest.mark.slow
@pytest.mark.parametrize("kind", YAML_KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [touch hacked]",
        "a: !custom x",
        "a: &a [*a]",
        "a: " + "[" * 500,
        "x: 1\nx: 2",
        "".join(f"{name}: &{name} [{','.join([part] * 9)}]\n" for name, part in zip("abcdefgh", ("x", *(f"*{each}" for each in "abcdefg")), strict=True)),
    ],
)  # fmt: skip
def test_yaml_that_means_harm_is_refused_at_its_line(kind, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = of_text(tmp_path, kind, NAMES[kind], framed(kind, text))
    assert found.refused is not None
    assert found.refused.location is not None
    assert found.refused.location.line
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("kind", READERS)
def test_bytes_that_are_no_text_are_refused(kind, tmp_path):
    (tmp_path / NAMES[kind]).write_bytes(b"\xff\xfe\x00 messages: \xe9")
    found = read_source(kind, NAMES[kind], Folder(tmp_path))
    assert found.refused is not None
    assert "UTF-" in str(found.refused)


@pytest.mark.parametrize("kind", READERS)
def test_a_fifo_a_folder_and_a_file_that_is_too_large_are_not_read(kind, tmp_path):
    name = NAMES[kind]
    os.mkfifo(tmp_path / name)
    assert "not a regular file" in str(read_source(kind, name, Folder(tmp_path)).refused)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    assert read_source(kind, name, Folder(tmp_path)).refused is not None
    (tmp_path / name).rmdir()
    with (tmp_path / name).open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    assert "larger than 20 MB" in str(read_source(kind, name, Folder(tmp_path)).refused)


@pytest.mark.parametrize("kind", READERS)
def test_a_file_that_is_a_link_out_of_the_folder_is_not_read(kind, tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret").write_text("TOP SECRET")
    (inside / NAMES[kind]).symlink_to(tmp_path / "secret")
    found = read_source(kind, NAMES[kind], Folder(inside))
    assert "leads outside the folder" in str(found.refused)


def test_a_byte_order_mark_is_dropped(tmp_path):
    found = of_text(
        tmp_path, "promptfoo", NAMES["promptfoo"], "\ufeffprompts: [hi]\nproviders: [openai:gpt-4o]\n"
    )
    assert found.refused is None
    assert b"\xef\xbb\xbf" not in b"".join(files_of(found).values())


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 7])
def test_variables_that_multiply_are_bounded(tmp_path, count):
    many = {f"v{n}": [str(each) for each in range(100)] for n in range(count)}
    config = {"prompts": ["{{v0}}"], "providers": ["openai:gpt-4o"], "tests": [{"vars": many}]}
    found = of_text(tmp_path, "promptfoo", NAMES["promptfoo"], json.dumps(config))
    assert [item.code for item in found.lost] == ["I402"]


def test_the_environment_reaches_no_result(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_X", "from-the-environment")
    config = {
        "prompts": ["{{env.SECRET_X}} a", "b {{v}}"],
        "providers": [{"id": "openai:gpt-4o", "config": {"temperature": "{{env.SECRET_X}}"}}],
        "tests": [{"vars": {"v": "{{ env.SECRET_X }}"}}, {"vars": {"v": "x"}}],
    }
    found = of_text(tmp_path, "promptfoo", NAMES["promptfoo"], json.dumps(config))
    assert b"from-the-environment" not in b"".join(files_of(found).values())
    assert sum(1 for item in found.lost if item.why and "environment" in item.why) == 3


def test_a_virtual_environment_in_the_folder_is_not_searched(tmp_path):
    for folder in ("env", "prompts"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.prompty").write_text("---\nname: A\n---\nuser:\nhi\n", encoding="utf-8")
    (tmp_path / "env" / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    assert list(Folder(tmp_path).files()) == ["prompts/p.prompty"]
