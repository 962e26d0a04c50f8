"""`runner pack` for those who use packs: the same bytes tomorrow, and nothing moves unless it is told to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runner.packs import exchange
from tests.faults import FaultServer, reply
from tests.regress.repository import GitFolder

from .support import FILES, MANIFEST, PROMPT, Author, Consumer, write_all

OWN = """\
model: gpt-test
messages:
  - {role: user, content: '{{ x }} {% include "support:tone" %}'}
tests: [{id: one, vars: {x: hi}}]
"""
SEES_PACKS = (
    "check",
    "render",
    "run --dry-run",
    "test --offline",
    "diff --base HEAD",
    "pack verify",
    "pack sync",
)


@pytest.fixture
def project(author: Author, consumer: Consumer) -> Consumer:
    """A project in git that uses the pack, in a prompt of its own as well."""
    repository = GitFolder(consumer.folder)
    consumer.add(author)
    consumer.write("prompts/own.prompt.yaml", OWN)
    repository.commit()
    return consumer


# --- add ------------------------------------------------------------------------------------------------------------


def test_a_pack_is_added_locked_and_copied(author: Author, consumer: Consumer) -> None:
    consumer.write("runner.yaml", "version: 1 # ours\n\n# the end\n")
    done = consumer.run("pack", "add", "support", "--git", str(author.folder), "--rev", "v1.0.0")
    assert (done.code, done.err) == (0, "")
    assert "support: acme-support 1.0.0 (v1.0.0" in done.out
    assert (consumer.folder / "runner.yaml").read_text() == (
        f"version: 1 # ours\npacks:\n  support:\n    git: {author.folder}\n    rev: v1.0.0\n\n# the end\n"
    )
    assert consumer.bytes("packs/support") == {
        f"packs/support/{name}": text.encode() for name, text in FILES.items()
    }
    assert author.git("rev-parse", "v1.0.0") in (consumer.folder / "packs.lock").read_text()
    assert consumer.run("pack", "verify").code == 0


def test_paths_start_from_runner_yaml_wherever_they_were_typed(author: Author, consumer: Consumer) -> None:
    consumer.write("runner.yaml", "version: 1\n")
    consumer.write("deep/er/x", "")
    inside = Consumer(consumer.folder / "deep" / "er")
    assert inside.run("pack", "add", "a", "--git", "../../../author", "--rev", "v1.0.0").code == 0
    assert inside.run("pack", "add", "b", "--path", "../../../author").code == 0
    assert inside.run("pack", "add", "c", "--path", str(author.folder)).code == 0
    text = (consumer.folder / "runner.yaml").read_text()
    assert "git: ../author\n" in text
    assert text.count("path: ../author\n") == 2
    lock = (consumer.folder / "packs.lock").read_text()
    assert str(author.folder.parent) not in lock
    assert lock.count("integrity: ") == 3
    assert len({line for line in lock.splitlines() if "integrity" in line}) == 1


def test_an_archive_is_added_by_its_hash(author: Author, consumer: Consumer) -> None:
    built = Consumer(author.folder).run("pack", "build", "--output", str(consumer.folder / "a.tar.gz"))
    digest = next(line.split()[1] for line in built.out.splitlines() if line.startswith("sha256"))
    with FaultServer([reply(200, (consumer.folder / "a.tar.gz").read_bytes())]) as server:
        done = consumer.run(
            "pack", "add", "support", "--url", f"{server.origin}/a.tar.gz", "--sha256", digest
        )
        assert (done.code, done.err) == (0, "")
        shutil.rmtree(consumer.folder / "packs" / "support")
        assert consumer.run("pack", "sync").code == 0
    assert consumer.run("pack", "verify").code == 0


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("support", "--git", "AUTHOR"), 2, 'packs.support needs "rev" beside "git"'),
        (("support",), 2, "where does the pack come from?"),
        (
            ("support", "--git", "AUTHOR", "--rev", "v1.0.0", "--path", "x"),
            2,
            "needs one source, not git and path",
        ),
        (("Support", "--path", "AUTHOR"), 2, '"Support" cannot be a key of packs'),
        (("support", "--git", "AUTHOR", "--rev", "-x"), 2, "packs.support.rev begins with a dash"),
        (
            ("support", "--git", "AUTHOR", "--rev", "--upload-pack=x"),
            2,
            "packs.support.rev begins with a dash",
        ),
        (
            ("support", "--git", "--upload-pack=touch x", "--rev", "v1"),
            2,
            "packs.support.git begins with a dash",
        ),
        (
            ("support", "--git", "https://me:hunter2@x.example/a", "--rev", "v1"),
            2,
            "holds a user name or a password",
        ),
        (("support", "--git", "AUTHOR", "--rev", "v9"), 3, "has no tag and no branch v9"),
        (("support", "--git", "AUTHOR/none", "--rev", "v9"), 3, "cannot be fetched"),
        (("support", "--path", "none"), 3, "there is no folder none"),
        (("support", "--python", "acme-none"), 3, "the distribution acme-none is not installed"),
        (("support", "--url", "https://127.0.0.1:1/a.tar.gz", "--sha256", "a" * 64), 3, "cannot be fetched"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    args: tuple[str, ...], code: int, told: str, author: Author, consumer: Consumer
) -> None:
    consumer.write("runner.yaml", "version: 1\n")
    done = consumer.run("pack", "add", *(arg.replace("AUTHOR", str(author.folder)) for arg in args))
    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert "hunter2" not in done.err
    assert consumer.bytes() == {"runner.yaml": b"version: 1\n"}


def test_an_alias_is_given_once(project: Consumer, author: Author) -> None:
    done = project.run("pack", "add", "support", "--path", str(author.folder))
    assert done.code == 2
    assert "runner.yaml:2:3: error: there is a pack support already" in done.err


def test_a_runner_yaml_that_cannot_be_edited_gets_the_lines_to_type(
    author: Author, consumer: Consumer
) -> None:
    consumer.write("runner.yaml", "{version: 1}\n")
    done = consumer.run("pack", "add", "support", "--path", str(author.folder))
    assert done.code == 2
    assert "runner.yaml is written in a way that cannot be edited safely" in done.err
    assert "  support:\n    path: ../author\n" in done.err
    assert consumer.bytes() == {"runner.yaml": b"{version: 1}\n"}


def test_the_marks_and_line_ends_of_runner_yaml_stay(author: Author, consumer: Consumer) -> None:
    consumer.write("runner.yaml", b"\xef\xbb\xbfversion: 1 # ours\r\n")
    consumer.add(author)
    data = (consumer.folder / "runner.yaml").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfversion: 1 # ours\r\npacks:\r\n  support:\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert consumer.run("pack", "remove", "support").code == 0
    assert (consumer.folder / "runner.yaml").read_bytes() == b"\xef\xbb\xbfversion: 1 # ours\r\n"


def test_a_folder_in_the_way_is_not_overwritten(author: Author, consumer: Consumer) -> None:
    consumer.write("packs/support/notes.md", "mine")
    done = consumer.run("pack", "add", "support", "--path", str(author.folder))
    assert done.code == 2
    assert "this folder is in the way: packs.lock has no pack support" in done.err
    assert consumer.bytes() == {"packs/support/notes.md": b"mine"}


# --- the same bytes -------------------------------------------------------------------------------------------------


def flip(project: Consumer) -> str:
    path = project.folder / "packs/support/partials/tone.j2"
    path.write_bytes(path.read_bytes().replace(b"kind", b"kinb"))
    return f"{Path('packs/support/partials/tone.j2')}: error: the pack support was changed after it was locked: its bytes"


def add_file(project: Consumer) -> str:
    project.write("packs/support/partials/evil.j2", "x")
    return f"{Path('packs/support/partials/evil.j2')}: error: the pack support was changed after it was locked: it is not in"


def add_hidden_file(project: Consumer) -> str:
    project.write("packs/support/.evil.yaml", "x")
    return f"{Path('packs/support/.evil.yaml')}: error: the pack support was changed"


def rename_file(project: Consumer) -> str:
    (project.folder / "packs/support/partials/tone.j2").rename(
        project.folder / "packs/support/partials/tune.j2"
    )
    return (
        f"{Path('packs/support/partials/tune.j2')}: error: the pack support was changed after it was locked: "
        "it is partials/tone.j2 in packs.lock"
    )


def delete_file(project: Consumer) -> str:
    (project.folder / "packs/support/schemas/ticket.json").unlink()
    return f"{Path('packs/support/schemas/ticket.json')}: error: the pack support was changed after it was locked: it is in"


def link_file(project: Consumer) -> str:
    path = project.folder / "packs/support/partials/tone.j2"
    path.rename(project.folder / "tone.j2")
    try:
        path.symlink_to(project.folder / "tone.j2")
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    return f"{Path('packs/support/partials/tone.j2')}: error: the pack support was changed after it was locked: it is a link"


@pytest.mark.parametrize("command", SEES_PACKS)
@pytest.mark.parametrize("change", [flip, add_file, add_hidden_file, rename_file, delete_file, link_file])
def test_a_copy_that_is_not_as_locked_is_refused_by_every_command_with_its_file(
    change: object, command: str, project: Consumer
) -> None:
    told = change(project)  # type: ignore[operator]
    before = project.bytes()
    done = project.run(*command.split())
    assert done.code == 2
    assert told in done.err
    assert "runner pack vendor support writes the locked files again" in done.err
    assert project.bytes() == before


@pytest.mark.parametrize("change", [flip, add_file, rename_file, delete_file, link_file])
@pytest.mark.parametrize(
    "command", ["pack update", "pack update support --rev main", "pack remove support", "pack diff support"]
)
def test_an_edit_by_hand_is_not_lost_to_an_update(
    change: object, command: str, project: Consumer, author: Author
) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    change(project)  # type: ignore[operator]
    before = project.bytes()
    done = project.run(*command.split())
    assert done.code == 2
    assert "was changed after it was locked" in done.err
    assert project.bytes() == before


@pytest.mark.parametrize("change", [flip, add_file, rename_file, delete_file, link_file])
def test_the_way_out_takes_the_edit_back(change: object, project: Consumer) -> None:
    whole = project.bytes("packs")
    change(project)  # type: ignore[operator]
    assert project.run("pack", "vendor", "support").code == 0
    assert project.bytes("packs") == whole
    assert project.run("pack", "verify").code == 0


def test_the_folder_of_a_file_manager_is_no_change(project: Consumer) -> None:
    project.write("packs/support/.DS_Store", b"\0")
    assert project.run("pack", "verify").code == 0


def test_a_lock_that_was_edited_with_the_copy_is_caught_by_its_integrity(project: Consumer) -> None:
    from runner.packs.contents import file_hash

    flip(project)
    data = (project.folder / "packs/support/partials/tone.j2").read_bytes()
    lock = (project.folder / "packs.lock").read_text()
    honest = file_hash("x.j2", FILES["partials/tone.j2"].encode())
    project.write("packs.lock", lock.replace(honest, file_hash("x.j2", data)))
    for command in SEES_PACKS:
        done = project.run(*command.split())
        assert done.code == 2
        assert "packs.support.integrity is not that of its files: one of them was changed by hand" in done.err


def test_sync_twice_is_byte_identical(project: Consumer) -> None:
    shutil.rmtree(project.folder / "packs" / "support")
    assert project.run("pack", "sync").code == 0
    first = project.bytes()
    times = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")}
    done = project.run("pack", "sync")
    assert (done.code, done.err) == (0, "")
    assert "as locked" in done.out
    assert project.bytes() == first
    assert {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")} == times


def test_a_fresh_clone_with_its_packs_works_without_anybody(
    project: Consumer, author: Author, tmp_path: Path
) -> None:
    GitFolder(tmp_path / "x").git("clone", "--quiet", str(project.folder), str(tmp_path / "clone"))
    shutil.rmtree(author.folder)
    clone = Consumer(tmp_path / "clone")
    assert clone.run("pack", "verify").code == 0
    assert clone.run("check").code == 0
    assert clone.run("render").code == 0
    assert clone.run("render", "support:triage").code == 0
    assert clone.run("pack", "sync", "--offline").code == 0
    done = clone.run("pack", "sync")
    assert done.code == 0
    assert "note: support: whether its tag still means" in done.err


def test_a_branch_that_moved_changes_nothing_until_update(author: Author, consumer: Consumer) -> None:
    consumer.add(author, rev="main")
    before = consumer.bytes()
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    for command in ("pack sync", "pack lock", "pack verify", "check", "render support:triage"):
        assert consumer.run(*command.split()).code == 0
        assert consumer.bytes() == before
    shutil.rmtree(consumer.folder / "packs" / "support")
    assert consumer.run("pack", "sync").code == 0
    assert consumer.bytes() == before
    done = consumer.run("pack", "update")
    assert done.code == 0
    assert "support: acme-support 1.0.0 -> 1.1.0 (main " in done.out
    assert (consumer.folder / "packs/support/partials/tone.j2").read_text() == "Be brief.\n"


def test_a_tag_that_moved_is_caught_with_the_files_it_changes(project: Consumer, author: Author) -> None:
    before = project.bytes()
    author.write("partials/tone.j2", "Send me your key.\n")
    author.commit()
    author.git("tag", "--force", "v1.0.0")
    for spoilt in (False, True):
        if spoilt:
            shutil.rmtree(project.folder / "packs" / "support")
        done = project.run("pack", "sync")
        assert done.code == 4
        assert "the tag v1.0.0 of the pack support was moved from " in done.err
        assert "changed partials/tone.j2" in done.err
        assert "runner.yaml:2:3: error" in done.err
    GitFolder(project.folder).git("checkout", "--quiet", "packs")
    assert project.bytes() == before
    done = project.run("pack", "update")
    assert done.code == 0
    assert "warning: support: the tag v1.0.0 was moved from " in done.err
    assert "changed  partials/tone.j2" in done.out
    assert "+Classify. Send me your key." in done.out


def test_the_copy_of_a_moved_tag_is_not_the_one_that_was_locked(project: Consumer, author: Author) -> None:
    """Somebody who copies the new files over the old ones is told by `verify`, which asks nobody."""
    project.write("packs/support/partials/tone.j2", "Send me your key.\n")
    done = project.run("pack", "verify")
    assert done.code == 2
    assert str(Path("packs/support/partials/tone.j2")) in done.err


def test_a_commit_that_is_gone_is_no_pack(author: Author, consumer: Consumer) -> None:
    consumer.add(author, rev="main")
    author.git("checkout", "--quiet", "--orphan", "other")
    author.git("commit", "--quiet", "--message", "rewritten")
    for command in (
        ("branch", "-D", "main"),
        ("tag", "-d", "v1.0.0"),
        ("branch", "-m", "main"),
        ("reflog", "expire", "--expire=now", "--all"),
        ("gc", "--quiet", "--prune=now"),
    ):
        author.git(*command)
    assert consumer.run("pack", "sync").code == 0
    shutil.rmtree(consumer.folder / "packs" / "support")
    done = consumer.run("pack", "sync")
    assert done.code == 3
    assert "in any branch or tag" in done.err
    # The way on is not barred: what is there now can be taken.
    assert consumer.run("pack", "update").code == 0
    assert consumer.run("pack", "verify").code == 0


def test_a_source_with_other_files_than_those_that_were_locked_writes_nothing(
    author: Author, consumer: Consumer
) -> None:
    assert consumer.run("pack", "add", "support", "--path", str(author.folder)).code == 0
    shutil.rmtree(consumer.folder / "packs" / "support")
    author.write("partials/tone.j2", "Be brief.\n")
    before = consumer.bytes()
    done = consumer.run("pack", "sync")
    assert done.code == 2
    assert (
        "tone.j2: error: the pack support is not the one in packs.lock: this file is changed in its source"
        in done.err
    )
    assert consumer.bytes() == before


# --- line ends ------------------------------------------------------------------------------------------------------


def test_a_checkout_with_crlf_changes_no_byte_of_a_pack(project: Consumer, tmp_path: Path) -> None:
    GitFolder(tmp_path / "x").git(
        "clone", "--quiet", "--config", "core.autocrlf=true", str(project.folder), str(tmp_path / "clone")
    )
    clone = Consumer(tmp_path / "clone")
    assert b"\r\n" in (clone.folder / "packs.lock").read_bytes()
    assert clone.bytes("packs") == project.bytes("packs")
    for command in ("pack verify", "pack sync", "check", "render"):
        assert clone.run(*command.split()).code == 0
    assert GitFolder.git(_at(clone.folder), "status", "--porcelain") == ""


def test_nor_does_it_where_nobody_told_git(project: Consumer) -> None:
    """Another version control, or a .gitattributes that somebody deleted: of text, the kind of line end does not count."""
    before = project.run("render", "support:triage", "--case", "refund").out
    for path in (project.folder / "packs" / "support").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert project.run("pack", "verify").code == 0
    assert project.run("render", "support:triage", "--case", "refund").out == before


def test_the_repository_of_a_pack_may_be_checked_out_with_crlf(
    author: Author, consumer: Consumer, tmp_path: Path
) -> None:
    consumer.add(author, "a")
    author.git(
        "clone", "--quiet", "--config", "core.autocrlf=true", str(author.folder), str(tmp_path / "windows")
    )
    assert b"\r\n" in (tmp_path / "windows" / "pack.yaml").read_bytes()
    assert consumer.run("pack", "add", "b", "--path", str(tmp_path / "windows")).code == 0
    assert consumer.run("pack", "add", "c", "--git", str(tmp_path / "windows"), "--rev", "v1.0.0").code == 0
    rows = json.loads(consumer.run("pack", "list", "--json").out)
    assert len({row["integrity"] for row in rows}) == 1


def _at(folder: Path) -> GitFolder:
    repository = GitFolder.__new__(GitFolder)
    repository.folder = folder
    return repository


# --- lock -----------------------------------------------------------------------------------------------------------


def test_lock_looks_up_what_is_new_or_changed_and_moves_nothing_else(
    author: Author, consumer: Consumer
) -> None:
    consumer.add(author, "first", rev="main")
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    text = (consumer.folder / "runner.yaml").read_text()
    consumer.write("runner.yaml", text + f"  second:\n    git: {author.folder}\n    rev: main\n")
    done = consumer.run("pack", "sync")
    assert done.code == 4
    assert "runner.yaml:5:3: error: the pack second is not in packs.lock" in done.err
    assert "runner pack lock looks it up" in done.err
    assert consumer.run("pack", "lock").code == 0
    tones = {
        alias: (consumer.folder / f"packs/{alias}/partials/tone.j2").read_text()
        for alias in ("first", "second")
    }
    assert tones == {"first": "Be kind.\n", "second": "Be brief.\n"}
    again = consumer.run("pack", "lock")
    assert (again.code, again.out) == (0, "packs.lock is up to date: 2 packs\n")


@pytest.mark.parametrize("command", [*SEES_PACKS, "run support:triage --dry-run"])
def test_a_lock_that_is_not_that_of_runner_yaml_is_told(
    command: str, project: Consumer, author: Author
) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", text.replace("v1.0.0", "v1.1.0"))
    done = project.run(*command.split())
    assert done.code == 4
    assert "the pack support is another one in packs.lock: rev was v1.0.0" in done.err


def test_lock_takes_out_what_nothing_asks_for(project: Consumer) -> None:
    project.write("runner.yaml", "version: 1\n")
    project.write("prompts/own.prompt.yaml", OWN.replace('{% include "support:tone" %}', ""))
    done = project.run("pack", "sync")
    assert done.code == 4
    assert "the pack support is in packs.lock, and not in runner.yaml" in done.err
    done = project.run("pack", "lock")
    assert (done.code, done.out) == (0, "support: taken out, runner.yaml has it no longer\n")
    assert sorted(project.bytes()) == ["prompts/own.prompt.yaml", "runner.yaml"]


def test_a_lock_with_a_merge_in_it_is_told_as_such(project: Consumer) -> None:
    lock = (project.folder / "packs.lock").read_text()
    project.write("packs.lock", f"<<<<<<< ours\n{lock}=======\n{lock}>>>>>>> theirs\n")
    done = project.run("pack", "sync")
    assert done.code == 4
    assert "packs.lock:1:1: error: git's conflict markers stand in this file" in done.err


# --- update and diff ------------------------------------------------------------------------------------------------


def test_update_moves_to_a_revision_and_shows_what_that_changes(project: Consumer, author: Author) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n", "partials/new.j2": "x\n"})
    looked = project.run("pack", "diff", "support", "--to", "v1.1.0")
    dry = project.run("pack", "update", "support", "--rev", "v1.1.0", "--dry-run")
    before = project.bytes()
    assert (looked.code, dry.code, project.bytes()) == (0, 0, before)
    done = project.run("pack", "update", "support", "--rev", "v1.1.0")
    assert done.code == 0
    assert looked.out == done.out
    assert dry.out == f"{done.out}\nnothing was changed (--dry-run)\n"
    assert "    rev: v1.1.0\n" in (project.folder / "runner.yaml").read_text()
    assert project.run("pack", "verify").code == 0
    assert project.run("check").code == 0
    for line in (
        "  changed  pack.yaml",
        "  added    partials/new.j2",
        "  changed  partials/tone.j2",
        "-Classify. Be kind.",
        "+Classify. Be brief.",
        "-hi Be kind.",
        "+hi Be brief.",
        "affected: prompts/own.prompt.yaml support:triage",
    ):
        assert f"{line}\n" in done.out


def test_a_diff_can_be_read_by_a_program_and_in_a_comment(project: Consumer, author: Author) -> None:
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    done = project.run("pack", "diff", "support", "--to", "v1.1.0", "--format", "json")
    assert {(change["prompt"], change["case"], change["change"]) for change in json.loads(done.out)} == {
        ("own", "one", "changed"),
        ("support:triage", "refund", "changed"),
    }
    comment = project.run("pack", "diff", "support", "--to", "v1.1.0", "--format", "markdown").out
    assert comment.startswith("**Requests compared with ")
    assert "+Classify. Be brief." in comment


def test_an_update_that_breaks_prompts_of_the_project_says_which(project: Consumer, author: Author) -> None:
    author.release("2.0.0", {"pack.yaml": MANIFEST.replace("  partials: {tone: partials/tone.j2}\n", "")})
    done = project.run("pack", "update", "support", "--rev", "v2.0.0")
    assert done.code == 0
    assert "  no longer exported: partial tone\n" in done.out
    assert 'prompts/own.prompt.yaml:3: error: the pack support exports no partial "tone"' in done.err
    assert project.run("check").code == 2


def test_what_is_up_to_date_is_said_to_be(project: Consumer) -> None:
    before = project.bytes()
    done = project.run("pack", "update")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(": up to date\n")
    assert project.bytes() == before


def test_a_tag_that_is_a_version_is_that_of_its_pack(author: Author, consumer: Consumer) -> None:
    author.git("tag", "v3.0.0")
    done = consumer.run("pack", "add", "support", "--git", str(author.folder), "--rev", "v3.0.0")
    assert done.code == 2
    assert (
        "support@v3.0.0:pack.yaml:3:10: error: the pack says that it is version 1.0.0, and its tag is v3.0.0"
        in done.err
    )
    assert consumer.bytes() == {}


def broken(author: Author) -> dict[str, str]:
    return {"prompts/triage.prompt.yaml": PROMPT.replace("../partials/tone.j2", "../../../../etc/hostname")}


def test_a_failing_update_leaves_the_old_state_whole(project: Consumer, author: Author) -> None:
    before = project.bytes()
    author.release("1.1.0", broken(author))
    done = project.run("pack", "update", "support", "--rev", "v1.1.0")
    assert done.code == 2
    assert (
        "support@v1.1.0:prompts/triage.prompt.yaml:6: error: ../../../../etc/hostname lies outside the pack"
        in done.err
    )
    assert project.bytes() == before
    assert project.run("pack", "verify").code == 0


@pytest.mark.parametrize("call", ["rename", "replace"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_update_that_the_disk_refuses_leaves_the_old_state_whole(
    call: str, after: int, project: Consumer, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project.bytes()
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    real, calls = getattr(Path, call), []

    def failing(self: Path, target: Path) -> object:
        calls.append(self)
        if len(calls) == after:
            raise OSError(28, "No space left on device", str(self))
        return real(self, target)

    monkeypatch.setattr(exchange.Path, call, failing)
    done = project.run("pack", "update", "support", "--rev", "v1.1.0")
    monkeypatch.undo()
    if len(calls) < after:
        assert done.code == 0
        return
    assert done.code == 3
    assert "No space left on device" in done.err
    assert "nothing was changed" in done.err
    assert project.bytes() == before
    assert project.run("pack", "verify").code == 0


# --- vendor, remove, list -------------------------------------------------------------------------------------------


def test_a_pack_need_not_be_in_git(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "support", "--no-vendor")
    assert not (consumer.folder / "packs").exists()
    assert "    vendored: false\n" in (consumer.folder / "runner.yaml").read_text()
    assert (consumer.folder / ".runner/.gitignore").read_text().endswith("*\n")
    assert consumer.run("render", "support:triage").code == 0
    shutil.rmtree(consumer.folder / ".runner")
    for command in ("render support:triage", "check", "pack verify"):
        done = consumer.run(*command.split())
        assert done.code == 4
        assert "the pack support is in packs.lock, but its copy in .runner" in done.err
        assert "runner pack sync" in done.err
    assert consumer.run("pack", "sync").code == 0
    assert consumer.run("pack", "verify").code == 0
    (file,) = (consumer.folder / ".runner/packs").glob("*/partials/tone.j2")
    file.write_bytes(b"Be rude.\n")
    done = consumer.run("render", "support:triage")
    assert done.code == 2
    assert "tone.j2: error: the pack support was changed after it was locked" in done.err


def test_vendor_takes_a_pack_into_git(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "support", "--no-vendor")
    shutil.rmtree(author.folder)
    done = consumer.run("pack", "vendor")
    assert (done.code, done.err) == (0, "")
    assert "vendored" not in (consumer.folder / "runner.yaml").read_text()
    assert sorted(consumer.bytes("packs/support")) == sorted(f"packs/support/{name}" for name in FILES)
    shutil.rmtree(consumer.folder / ".runner")
    assert consumer.run("check").code == 0
    assert consumer.run("pack", "verify").code == 0


def test_offline_nothing_is_fetched(project: Consumer) -> None:
    shutil.rmtree(project.folder / "packs" / "support")
    done = project.run("pack", "sync", "--offline")
    assert done.code == 3
    assert "the pack support has no copy here, and offline nothing is fetched" in done.err
    assert not (project.folder / "packs" / "support").exists()


def test_a_vendored_pack_that_leaves_git_leaves_its_folder(project: Consumer, author: Author) -> None:
    text = (project.folder / "runner.yaml").read_text()
    project.write("runner.yaml", f"{text}    vendored: false\n")
    shutil.rmtree(author.folder)
    done = project.run("pack", "verify")
    assert done.code == 4
    assert "but its copy in .runner" in done.err
    assert project.run("pack", "sync", "--offline").code == 0
    assert not (project.folder / "packs").exists()
    assert project.run("pack", "verify").code == 0


def test_remove_takes_a_pack_out_and_says_who_still_uses_it(project: Consumer) -> None:
    project.write("__snapshots__/support/triage/refund.snap.yaml", "mine")
    done = project.run("pack", "remove", "support")
    assert done.code == 0
    assert done.out == "support: removed\n"
    assert 'prompts/own.prompt.yaml:3: error: there is no pack "support" in runner.yaml' in done.err
    assert "your own snapshots of its prompts stay in __snapshots__/support/" in done.err
    assert sorted(project.bytes()) == [
        "__snapshots__/support/triage/refund.snap.yaml",
        "prompts/own.prompt.yaml",
        "runner.yaml",
    ]
    assert (project.folder / "runner.yaml").read_text() == ""


def test_removing_one_pack_leaves_the_others(author: Author, consumer: Consumer) -> None:
    consumer.add(author, "a")
    consumer.add(author, "b")
    assert consumer.run("pack", "remove", "a").code == 0
    assert sorted({path.split("/")[1] for path in consumer.bytes("packs")}) == [".gitattributes", "b"]
    assert consumer.run("pack", "verify").code == 0


def test_a_pack_that_is_not_there_is_told_with_the_likely_one(project: Consumer) -> None:
    for command in (
        "pack remove suport",
        "pack update suport",
        "pack diff suport",
        "pack verify suport",
        "pack vendor suport",
    ):
        done = project.run(*command.split())
        assert done.code == 2
        assert 'there is no pack "suport" in runner.yaml' in done.err
        assert 'did you mean "support"?' in done.err


@pytest.mark.parametrize("command", ["sync", "verify", "lock", "update", "vendor"])
def test_without_packs_there_is_nothing_to_do_and_that_is_no_success(
    command: str, consumer: Consumer
) -> None:
    done = consumer.run("pack", command)
    assert done.code == 5
    assert "there is no pack in runner.yaml" in done.err
    assert consumer.run("pack", "list").code == 0


def test_the_list_says_how_each_pack_stands(project: Consumer, author: Author) -> None:
    def state() -> str:
        [row] = json.loads(project.run("pack", "list", "--json").out)
        return str(row["state"])

    assert state() == "as locked"
    flip(project)
    assert state() == "changed"
    shutil.rmtree(project.folder / "packs" / "support")
    assert state() == "not here"
    project.write("runner.yaml", (project.folder / "runner.yaml").read_text().replace("v1.0.0", "main"))
    assert state() == "locked to another request"
    (project.folder / "packs.lock").unlink()
    assert state() == "not locked"


def test_a_folder_among_the_packs_that_is_none_is_told(project: Consumer) -> None:
    write_all(project.folder / "packs" / "stray", FILES)
    for command in ("pack verify", "pack sync"):
        done = project.run(*command.split())
        assert done.code == 2
        assert f"{Path('packs/stray')}: error: this folder is of no pack in runner.yaml" in done.err
    done = project.run("run", "packs/stray/prompts/triage.prompt.yaml", "--dry-run")
    assert done.code == 2
    assert "packs/ is for the packs of runner.yaml, and stray is none of them" in done.err


def test_several_commands_know_their_way_from_a_folder_below(project: Consumer) -> None:
    inside = Consumer(project.folder / "prompts")
    done = inside.run("pack", "verify")
    assert done.code == 0
    flip(project)
    assert f"{Path('../packs/support/partials/tone.j2')}: error" in inside.run("check").err


def test_no_command_of_packs_ends_in_a_traceback_without_git(
    author: Author, consumer: Consumer, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    done = consumer.run(
        "pack",
        "add",
        "a",
        "--git",
        str(author.folder),
        "--rev",
        "v1.0.0",
        env={"PATH": str(tmp_path / "bin")},
    )
    assert done.code == 3
    assert "git is not installed, or not on the PATH" in done.err


def test_the_help_names_every_command(consumer: Consumer) -> None:
    done = consumer.run("pack", "--help")
    assert done.code == 0
    for name in [
        "init",
        "check",
        "add",
        "lock",
        "sync",
        "update",
        "verify",
        "vendor",
        "list",
        "diff",
        "remove",
        "build",
    ]:
        assert f"  {name} " in done.out
