"""An untrusted folder: what its files may name for reading."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.project import ProjectFolder

TEXT = "name: p\nmodel: m\nmessages: [{role: user, content: '%s'}]\ntests: [{id: a}]\n"


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """A read that waits for ever fails its test."""
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.fixture
def victim(project: ProjectFolder) -> ProjectFolder:
    project.write("runner.yaml", "")
    project.write(".env", "SECRET=planted")
    project.write(".git/config", "SECRET=planted")
    project.write("tone.txt", "be kind")
    return project


HIDDEN = [
    "../.env",
    "../.git/config",
    "../.GIT/config",
    "../.\u200cgit/config",
    "../x/../.env",
    "../git~1/config",
]


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("tag", ["include", "import_as", "extends"])
def test_a_template_names_nothing_hidden(victim: ProjectFolder, name: str, tag: str) -> None:
    statement = f'import "{name}" as x' if tag == "import_as" else f'{tag} "{name}"'
    victim.write("prompts/p.prompt.yaml", TEXT % f"{{% {statement} %}}")
    done = victim.run("render")
    assert done.code == 2
    assert "planted" not in done.out + done.err
    assert "is hidden and is not read" in done.err
    assert "prompts/p.prompt.yaml:3:" in done.err


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize(
    "text",
    [
        "model: m\nmessages: [{role: user, content: hi}]\ntests: [{file: '%s'}]\n",
        "model: m\nmessages: [{role: user, content: hi}]\nresponse_format: {type: json_schema, json_schema: {name: x, schema_file: '%s'}}\n",
        "model: m\nmessages: [{role: user, content: [{type: image_url, image_url: {url: '%s'}}]}]\ntests: [{id: a}]\n",
        "model: m\nmessages: [{role: user, content: [{type: file, file: {file_data: '%s'}}]}]\ntests: [{id: a}]\n",
    ],
    ids=["rows", "schema", "image", "document"],
)
def test_a_prompt_names_nothing_hidden(victim: ProjectFolder, text: str, name: str) -> None:
    victim.write("prompts/p.prompt.yaml", text % (name + ".csv" if "tests: [{file" in text else name))
    done = victim.run("render")
    assert done.code == 2
    assert "is hidden and is not read" in done.err


@pytest.mark.parametrize("target", [".env", ".git/config"])
def test_a_link_leads_to_nothing_hidden(victim: ProjectFolder, target: str) -> None:
    (victim.folder / "nice.txt").symlink_to(victim.folder / target)
    victim.write("prompts/p.prompt.yaml", TEXT % '{% include "../nice.txt" %}')
    done = victim.run("render")
    assert done.code == 2
    assert "nice.txt is hidden and is not read" in done.err


def test_files_beside_a_prompt_in_a_hidden_folder_that_the_user_named_are_read(victim: ProjectFolder) -> None:
    victim.write(".prompts/tone.txt", "be brief")
    victim.write(".prompts/p.prompt.yaml", TEXT % '{% include "tone.txt" %} {% include "../tone.txt" %}')
    done = victim.run("render", ".prompts/p.prompt.yaml")
    assert "be brief be kind" in done.out
    assert done.code == 0


@pytest.mark.parametrize("kind", ["fifo", "device", "socket", "folder"])
def test_what_is_no_regular_file_is_refused_without_waiting(victim: ProjectFolder, kind: str) -> None:
    place = victim.folder / "odd.txt"
    make_odd(place, kind)
    victim.write("prompts/p.prompt.yaml", TEXT % '{% include "../odd.txt" %}')
    done = victim.run("render")
    assert done.code == 2
    assert "odd.txt" in done.err


@pytest.mark.parametrize("kind", ["fifo", "zero", "folder"])
def test_an_embedded_model_is_a_regular_file(victim: ProjectFolder, kind: str) -> None:
    place = "/dev/zero"
    if kind != "zero":
        make_odd(victim.folder / "m.gguf", kind)
        place = "./m.gguf"
    victim.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{embedded: {place}}}}}\n")
    victim.write("prompts/p.prompt.yaml", TEXT % "hi")
    done = victim.run("run")
    assert done.code == 2
    assert "runner.yaml:2:" in done.err
    assert "regular file" in done.err or "folder" in done.err


@pytest.mark.parametrize(
    "glob", ["/**/*.prompt.yaml", "../*.prompt.yaml", "prompts/../../*.yaml", "~/x.yaml", "C:/x.yaml"]
)
def test_the_globs_of_a_project_stay_in_it(victim: ProjectFolder, glob: str) -> None:
    victim.write("runner.yaml", f"prompts:\n  - '{glob}'\n")
    done = victim.run("check")
    assert done.code == 2
    assert "runner.yaml:2:5: error" in done.err
    assert "leads outside the project" in done.err


def test_a_glob_follows_no_link(victim: ProjectFolder) -> None:
    victim.write("runner.yaml", "prompts: ['**/*.prompt.yaml']\n")
    victim.write("prompts/p.prompt.yaml", TEXT % "hi")
    (victim.folder / "everything").symlink_to("/")
    assert victim.run("check").code == 0


def make_odd(place: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    elif kind == "device":
        place.symlink_to("/dev/zero")
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as made:
            before = Path.cwd()
            os.chdir(place.parent)  # the name of a socket is short
            try:
                made.bind(place.name)
            finally:
                os.chdir(before)
