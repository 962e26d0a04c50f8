"""`runner pack init`, `check` and `build`: a folder of prompts becomes a pack that others can use."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.faults import FaultServer, completion

from .support import FILES, MANIFEST, PROMPT, SNAPSHOT, Author, Consumer, write_all


@pytest.fixture
def pack(tmp_path: Path) -> Consumer:
    """A folder with a pack that has approved answers, and the author's own project around it."""
    folder = Consumer(tmp_path / "pack")
    write_all(folder.folder, FILES)
    with FaultServer(completion(json.dumps({"label": "refund"}))) as server:
        folder.write("runner.yaml", f"endpoint: e\nendpoints: {{e: {{base_url: '{server.base_url}'}}}}\n")
        assert folder.run("test", "--update", "missing").code == 0
    return folder


# --- init -----------------------------------------------------------------------------------------------------------


def test_init_exports_what_is_there(consumer: Consumer) -> None:
    for name in (
        "prompts/triage.prompt.yaml",
        "prompts/Reply To.prompt.yml",
        "prompts/sub/triage.prompt.yaml",
        "partials/tone.j2",
        "partials/words.txt",
        "notes.txt",
        "schemas/ticket.json",
        "schemas/editor/prompt.schema.json",
        "other.json",
        ".hidden.prompt.yaml",
    ):
        consumer.write(name, "")
    done = consumer.run("pack", "init", "--name", "Acme Support!")
    assert (done.code, done.err) == (0, "")
    text = (consumer.folder / "pack.yaml").read_text()
    spec = yaml.safe_load(text)
    assert (spec["format"], spec["name"], spec["version"]) == (1, "acme-support", "0.1.0")
    assert spec["exports"] == {
        "prompts": {
            "prompts-sub-triage": "prompts/sub/triage.prompt.yaml",
            "prompts-triage": "prompts/triage.prompt.yaml",
            "reply-to": "prompts/Reply To.prompt.yml",
        },
        "partials": {"tone": "partials/tone.j2", "words": "partials/words.txt"},
        "schemas": {"ticket": "schemas/ticket.json"},
    }
    assert "# license: MIT" in text


def test_what_init_wrote_is_a_pack(pack: Consumer) -> None:
    (pack.folder / "pack.yaml").unlink()
    assert pack.run("pack", "init").code == 0
    done = pack.run("pack", "check")
    assert done.code == 0
    assert done.out == "pack 0.1.0: 1 prompt, 1 partial, 1 schema; 1 test passed: 0 errors, 2 warnings\n"


@pytest.mark.parametrize(
    ("files", "args", "code", "told"),
    [
        ({"pack": "a file"}, ("pack",), 2, "is a file"),
        (FILES, (), 2, "pack.yaml already exists"),
        ({}, ("--name", "123"), 2, "'123' is not a valid name for a pack"),
        ({"ä.prompt.yaml": ""}, (), 2, "ä.prompt.yaml"),
    ],
)
def test_init_writes_nothing_that_is_no_pack(
    files: dict[str, str], args: tuple[str, ...], code: int, told: str, consumer: Consumer
) -> None:
    write_all(consumer.folder, files)
    before = consumer.bytes()
    done = consumer.run("pack", "init", *args)
    assert done.code == code
    assert told in done.err
    assert consumer.bytes() == before


@pytest.mark.parametrize("folder", [(), ("new",)])
def test_a_first_pack_passes_its_check_at_once(folder: tuple[str, ...], consumer: Consumer) -> None:
    done = consumer.run("pack", "init", *folder)
    assert (done.code, done.err) == (0, "")
    done = consumer.run("pack", "check", *folder)
    assert done.code == 0
    assert "1 prompt, 1 schema; 2 tests passed: 0 errors, 2 warnings" in done.out


# --- check ----------------------------------------------------------------------------------------------------------


def test_a_sound_pack_passes_offline(pack: Consumer) -> None:
    done = pack.run("pack", "check")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out == "acme-support 1.0.0: 1 prompt, 1 partial, 1 schema; 1 test passed: 0 errors, 0 warnings\n"
    )
    outside = Consumer(pack.folder.parent)
    assert outside.run("pack", "check", "pack").out == done.out


def test_what_a_pack_does_not_ship_is_not_there_when_it_is_checked(pack: Consumer) -> None:
    pack.write("dist/tone.j2", "Be kind.\n")
    pack.write("prompts/triage.prompt.yaml", PROMPT.replace("partials/tone.j2", "dist/tone.j2"))
    assert pack.run("check").code == 0
    done = pack.run("pack", "check")
    assert done.code == 2
    assert f"{Path('prompts/triage.prompt.yaml')}:6: error: there is no file dist/tone.j2" in done.err


SPOILT = {
    "an export": ("pack.yaml", MANIFEST.replace("tone.j2", "none.j2"), "pack.yaml:8:20: error: exports.partials.tone: there is no file"),
    "a template": ("partials/tone.j2", "{% if %}", "partials/tone.j2:1: error: "),
    "a private template that is exported": ("partials/tone.j2", "{% include '../../x.j2' %}", "partials/tone.j2:1: error: ../../x.j2 is outside the pack"),
    "a schema": ("schemas/ticket.json", '{"type": "objct"}', "schemas/ticket.json:1:10: error: this is not a valid JSON Schema"),
    "a prompt": ("prompts/triage.prompt.yaml", PROMPT + "extra_body: {a: 1}\n", "prompts/triage.prompt.yaml:13:1: error: extra_body is not allowed in a pack"),
    "a test": ("prompts/triage.prompt.yaml", PROMPT.replace("{ticket: I", "{tikcet: I"), "prompts/triage.prompt.yaml:12:25: error: "),
    "an assertion": ("prompts/triage.prompt.yaml", PROMPT.replace("type: equals", "type: equal"), "prompts/triage.prompt.yaml:12"),
    "code": ("setup.py", "x", "setup.py: error: a pack cannot have files of this type"),
    "an answer": (SNAPSHOT, "nonsense: 1\n", "refund.snap.yaml:1"),
    "no model": ("prompts/triage.prompt.yaml", PROMPT.replace("model: gpt-test\n", ""), "prompts/triage.prompt.yaml:1:1: error: acme-support:triage declares no model"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_fault_is_told_at_its_place(name: str, pack: Consumer) -> None:
    file, content, told = SPOILT[name]
    pack.write(file, content)
    done = pack.run("pack", "check")
    assert done.code == 2
    assert told in done.err


def test_everything_that_is_wrong_is_told_at_once(pack: Consumer) -> None:
    for name in ("a template", "a schema", "a prompt"):
        pack.write(*SPOILT[name][:2])
    done = pack.run("pack", "check")
    assert done.code == 2
    assert done.err.endswith("4 errors\n")  # the template's is told for the prompt and for itself
    for name in ("a template", "a schema", "a prompt"):
        assert SPOILT[name][2] in done.err


def test_a_test_that_fails_or_has_no_current_answer_is_told(pack: Consumer) -> None:
    path = pack.folder / SNAPSHOT
    approved = path.read_text()
    path.write_text(approved.replace("refund", "other"))
    done = pack.run("pack", "check")
    assert done.code == 1
    assert (
        'fail     acme-support:triage/refund: the approved answer no longer passes: $.label: expected "refund"'
        in done.out
    )
    path.unlink()
    done = pack.run("pack", "check")
    assert done.code == 4
    assert "outdated acme-support:triage/refund: the pack has no approved answer for it" in done.out
    assert "1 test without a current answer" in done.out
    path.write_text(approved)
    pack.write("partials/tone.j2", "Be brief.\n")
    done = pack.run("pack", "check")
    assert done.code == 4
    assert (
        "outdated acme-support:triage/refund: its answer belongs to another request: messages changed"
        in done.out
    )


def test_an_answer_that_no_test_refers_to_is_a_remark(pack: Consumer) -> None:
    gone = SNAPSHOT.replace("refund", "gone")
    pack.write(gone, (pack.folder / SNAPSHOT).read_bytes())
    done = pack.run("pack", "check")
    assert done.code == 0
    assert f"{Path(gone)}: P003 no test of an exported prompt refers to this answer [warning]" in done.err


def test_a_folder_that_is_no_pack(consumer: Consumer) -> None:
    done = consumer.run("pack", "check")
    assert done.code == 2
    assert "there is no pack.yaml" in done.err
    assert "runner pack init writes one" in done.err


# --- build ----------------------------------------------------------------------------------------------------------


def test_an_archive_has_the_same_bytes_twice_and_can_be_added(pack: Consumer, consumer: Consumer) -> None:
    done = pack.run("pack", "build")
    assert (done.code, done.err) == (0, "")
    archive = pack.folder / "dist" / "acme-support-1.0.0.tar.gz"
    first = archive.read_bytes()
    assert f"sha256     {hashlib.sha256(first).hexdigest()}\n" in done.out
    copy = Consumer(consumer.folder / "copy")
    shutil.copytree(pack.folder, copy.folder, ignore=shutil.ignore_patterns("dist"))
    for path in copy.folder.rglob("*"):
        path.touch()
        if path.is_file():
            path.chmod(0o600)
    assert copy.run("pack", "build", "--output", "x.tar.gz").code == 0
    assert (copy.folder / "x.tar.gz").read_bytes() == first
    assert pack.run("pack", "build").code == 0
    assert archive.read_bytes() == first
    with tarfile.open(archive) as tar:
        assert sorted(tar.getnames()) == sorted(f"acme-support-1.0.0/{name}" for name in (*FILES, SNAPSHOT))


def test_a_pack_has_one_integrity_wherever_it_comes_from(author: Author, consumer: Consumer) -> None:
    done = Consumer(author.folder).run("pack", "build", "--output", "../a.tar.gz")
    integrity = next(line.split()[1] for line in done.out.splitlines() if line.startswith("integrity"))
    consumer.add(author)
    assert f"    integrity: {integrity}\n" in (consumer.folder / "packs.lock").read_text()


def test_what_has_a_fault_is_not_built(pack: Consumer) -> None:
    pack.write("setup.py", "x")
    done = pack.run("pack", "build")
    assert done.code == 2
    assert not (pack.folder / "dist").exists()


def test_an_archive_that_cannot_be_written_is_told(pack: Consumer) -> None:
    pack.write("dist", "a file in the way")
    done = pack.run("pack", "build")
    assert done.code in (2, 3)
    assert "Traceback" not in done.err
    assert (pack.folder / "dist").read_text() == "a file in the way"


def test_the_schema_of_pack_yaml_is_printed(consumer: Consumer) -> None:
    done = consumer.run("schema", "pack")
    assert done.code == 0
    schema = json.loads(done.out)
    assert schema["title"] == "runner pack"
    assert set(yaml.safe_load(MANIFEST)) <= set(schema["properties"])
