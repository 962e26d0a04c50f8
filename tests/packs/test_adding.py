"""`runner pack add`: a pack comes into a project, or nothing changes."""

from __future__ import annotations

import shutil

import pytest

from tests.faults import FaultServer, reply

from .support import FILES, Author, Consumer


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
        (
            ("support", "--git", "AUTHOR"),
            2,
            "error: --git needs --rev\nhint: its tag, its branch or a commit: --rev v1.0.0",
        ),
        (("support", "--git", "", "--rev", "v1"), 2, "packs.support.git must not be empty"),
        (("support", "--path", ""), 2, "packs.support.path must not be empty"),
        (("support",), 2, "the source of the pack is missing"),
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
            "contains a user name or a password",
        ),
        (("support", "--git", "AUTHOR", "--rev", "v9"), 3, "has no tag or branch v9"),
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
    assert "runner.yaml:2:3: error: the pack support already exists" in done.err


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
    assert "this folder is in the way: there is no pack support in packs.lock" in done.err
    assert consumer.bytes() == {"packs/support/notes.md": b"mine"}
