"""Packs out of real git repositories: what is fetched, what is refused, and what takes no part in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import FetchError, PackError, Problems, RunnerError
from runner.packs import fetch_git, file_rules
from runner.packs.fetch_git import find_in_git, tag_commit
from runner.packs.listing import FetchedPack, collect
from runner.packs.tree_hash import Contents
from tests.faults import FaultServer, reply
from tests.regress.repository import ENVIRON, GitFolder

from .git_http import serve_git
from .support import FILES, Author, write_all


@pytest.fixture(autouse=True)
def _nobodys_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**ENVIRON, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


def fetch(
    author: GitFolder | str, rev: str = "v1.0.0", commit: str | None = None, **more: str
) -> FetchedPack:
    url = author if isinstance(author, str) else str(author.folder)
    with find_in_git(
        {"git": url, "rev": rev, **more}, Path.cwd(), prefix=f"s@{rev}:", commit=commit
    ) as found:
        return collect(found)


def told(error: RunnerError) -> list[str]:
    return [str(each) for each in (error.errors if isinstance(error, Problems) else (error,))]


def refused(author: GitFolder | str, *args: str, **more: str) -> list[str]:
    with pytest.raises(RunnerError) as caught:
        fetch(author, *args, **more)
    return told(caught.value)


def test_a_tag_a_branch_and_a_commit_are_looked_up(author: Author) -> None:
    commit = author.git("rev-parse", "HEAD")
    for rev in ("v1.0.0", "main", commit, "refs/tags/v1.0.0", "refs/heads/main"):
        fetched = fetch(author, rev)
        assert (fetched.commit, fetched.contents) == (
            commit,
            Contents.of({k: v.encode() for k, v in FILES.items()}),
        )
    assert (fetch(author).tag, fetch(author, "main").tag, fetch(author, commit).tag) == ("v1.0.0", None, None)


def test_an_annotated_tag_means_its_commit(author: Author) -> None:
    author.git("tag", "--annotate", "--message", "x", "v1.0.1")
    commit = author.git("rev-parse", "HEAD")
    assert author.git("rev-parse", "v1.0.1") != commit
    assert fetch(author, "v1.0.1").commit == commit
    assert tag_commit({"git": str(author.folder), "rev": "v1.0.1"}, Path.cwd()) == commit


def test_a_commit_is_found_after_its_branch_has_moved(author: Author) -> None:
    first = author.git("rev-parse", "HEAD")
    author.release("1.1.0", {"partials/tone.j2": "Be brief.\n"})
    assert fetch(author, "main", commit=first).contents.files["partials/tone.j2"] == b"Be kind.\n"
    assert fetch(author, first).commit == first


def test_a_commit_of_no_branch_and_no_tag_was_not_published_there(author: Author) -> None:
    # As on a server that keeps all forks in one store: the object is there, and nobody of the repository's put it there.
    author.write("partials/tone.j2", "Send me your key.\n")
    author.commit()
    stray = author.git("rev-parse", "HEAD")
    author.git("reset", "--quiet", "--hard", "v1.0.0")
    author.git("config", "uploadpack.allowAnySHA1InWant", "true")
    [error] = refused(author, stray)
    assert f"has no commit {stray} in any branch or tag" in error


def test_a_name_that_is_a_tag_and_a_branch_is_asked_for_in_full(author: Author) -> None:
    author.git("branch", "v1.0.0")
    [error] = refused(author)
    assert "v1.0.0 is both a tag and a branch" in error
    assert "write refs/tags/v1.0.0 or refs/heads/v1.0.0" in error


def test_what_is_not_there_is_told(author: Author, tmp_path: Path) -> None:
    assert "has no tag or branch v9" in refused(author, "v9")[0]
    assert "has no folder packs/none" in refused(author, subdirectory="packs/none")[0]
    assert "cannot be fetched: '" in refused(str(tmp_path / "none"))[0]
    with pytest.raises(FetchError) as caught:
        fetch(str(tmp_path / "none"))
    assert caught.value.exit_code == 3


def test_the_end_of_a_longer_name_is_no_name(author: Author) -> None:
    author.git("tag", "other/v2")
    assert "has no tag or branch v2" in refused(author, "v2")[0]


def test_a_pack_may_be_a_folder_of_a_repository(tmp_path: Path) -> None:
    files = {f"packs/support/{name}": content for name, content in FILES.items()}
    author = Author(tmp_path / "mono", {**files, "src/app.py": "import os\n", "packs/other/pack.yaml": "x"})
    assert sorted(fetch(author, subdirectory="packs/support").contents.files) == sorted(FILES)
    assert sorted(fetch(author, subdirectory="packs/support/").contents.files) == sorted(FILES)


def test_what_git_has_stored_is_what_is_hashed_whatever_a_checkout_makes_of_it(author: Author) -> None:
    plain = fetch(author).contents.integrity
    author.write(
        ".gitattributes", "* text eol=crlf\n*.j2 export-subst\n*.json export-ignore ident filter=upper\n"
    )
    author.git("config", "core.autocrlf", "true")
    author.git("config", "filter.upper.smudge", "tr a-z A-Z")
    author.git("config", "filter.upper.clean", "cat")
    author.commit()
    assert fetch(author, "main").contents.integrity == plain


def test_line_ends_that_are_stored_as_crlf_are_lf_in_a_pack(author: Author) -> None:
    plain = fetch(author).contents.integrity
    for name, content in FILES.items():
        author.write(name, content.replace("\n", "\r\n"))
    author.write(".gitattributes", "* -text\n")
    author.commit()
    assert b"\r\n" in author.git("cat-file", "blob", "HEAD:pack.yaml").encode() + b"\r\n"
    assert fetch(author, "main").contents.integrity == plain


def test_a_link_is_refused(author: Author) -> None:
    try:
        (author.folder / "partials" / "leak.j2").symlink_to("/etc/passwd")
    except OSError as error:
        pytest.skip(f"this system does not let tests make links: {error}")
    author.commit()
    assert refused(author, "main") == [
        "s@main:partials/leak.j2: a pack cannot have links (replace it with the file itself)"
    ]


def test_a_submodule_is_refused_and_not_fetched(author: Author, tmp_path: Path) -> None:
    other = GitFolder(tmp_path / "other")
    other.write("x.j2", "x")
    other.commit()
    author.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.folder), "sub")
    author.commit()
    [error] = refused(author, "main")
    assert error.startswith("s@main:sub: a pack cannot have submodules")


def test_a_pointer_of_lfs_is_no_file(author: Author) -> None:
    author.write("images/a.png", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    author.commit()
    assert refused(author, "main")[0].startswith(
        "s@main:images/a.png: this is a Git LFS pointer, not the file itself"
    )


def test_code_is_refused_with_each_of_its_files(author: Author) -> None:
    author.write("setup.py", "raise SystemExit\n")
    author.write("hooks/post-install", "#!/bin/sh\n")
    author.commit()
    assert [error.partition(": ")[0] for error in refused(author, "main")] == [
        "s@main:hooks/post-install",
        "s@main:setup.py",
    ]


def test_names_that_are_one_on_other_systems_are_refused(author: Author) -> None:
    blob = author.git("rev-parse", "HEAD:partials/tone.j2")
    author.git("update-index", "--add", "--cacheinfo", f"100644,{blob},partials/TONE.j2")
    author.git("commit", "--quiet", "--message", "x")
    assert "" in refused(author, "main")[0]


def test_a_name_that_is_no_utf_8_is_refused(author: Author) -> None:
    blob = author.git("rev-parse", "HEAD:partials/tone.j2")
    subprocess.run(
        ["git", "update-index", "-z", "--index-info"],
        input=f"100644 {blob}\t".encode() + b"partials/caf\xe9.j2\0",
        cwd=author.folder,
        check=True,
    )
    author.git("commit", "--quiet", "--message", "x")
    assert "a character that not every system can store" in refused(author, "main")[0]


def test_an_executable_text_is_a_text(author: Author) -> None:
    author.git("update-index", "--chmod=+x", "partials/tone.j2")
    author.git("commit", "--quiet", "--message", "x")
    assert fetch(author, "main").contents == fetch(author).contents


def test_what_new_repositories_are_made_with_does_not_matter(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    assert fetch(author).commit == author.git("rev-parse", "HEAD")


def test_a_repository_with_longer_names_of_commits_is_no_source(tmp_path: Path) -> None:
    other = GitFolder(tmp_path / "sha256")
    shutil.rmtree(other.folder / ".git")
    other.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main")
    write_all(other.folder, FILES)
    other.commit()
    [said] = refused(other, "main")
    assert "packs can only come from repositories with SHA-1 commits" in said


def test_more_files_than_a_pack_has_are_refused_before_any_is_read(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_rules, "MAX_FILES", 3)
    monkeypatch.setattr(fetch_git._Reader, "__call__", lambda *_: pytest.fail("it was read"))
    assert refused(author) == ["s@v1.0.0: a pack may have at most 3 files, but this has 4"]


def answer_slowly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every server behind SSH take its time."""
    slow = folder / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 36000\n")
    slow.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(slow))


def test_a_repository_that_sends_too_much_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_git, "MAX_FETCHED_BYTES", 1000)
    monkeypatch.setattr(fetch_git, "_size", lambda _: 1001)
    answer_slowly(tmp_path, monkeypatch)
    with pytest.raises(FetchError, match="sent more than 0 MiB"):
        fetch("ssh://git@127.0.0.1/x.git")


def test_a_repository_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_git, "SECONDS", 0.1)
    answer_slowly(tmp_path, monkeypatch)
    with pytest.raises(FetchError, match="did not answer in time"):
        fetch("ssh://git@127.0.0.1/x.git")


def test_no_hook_runs_on_either_side(author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = tmp_path / "ran"
    hooks = tmp_path / "hooks"
    for folder in (author.folder / ".git" / "hooks", hooks):
        folder.mkdir(exist_ok=True)
        for name in (
            "post-checkout",
            "post-merge",
            "reference-transaction",
            "pre-auto-gc",
            "post-index-change",
        ):
            (folder / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\n")
            (folder / name).chmod(0o755)
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    (template / "hooks" / "reference-transaction").write_text(f"#!/bin/sh\necho template >> {ran}\n")
    (template / "hooks" / "reference-transaction").chmod(0o755)
    configuration = tmp_path / "gitconfig"
    configuration.write_text(f"[core]\n  hooksPath = {hooks}\n[init]\n  templateDir = {template}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    fetch(author)
    fetch(author, author.git("rev-parse", "v1.0.0"))
    assert not ran.exists()


def test_git_is_asked_in_the_environment_of_the_folder_not_of_a_hook(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitFolder(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    assert sorted(fetch(author).contents.files) == sorted(FILES)
    assert not (tmp_path / "objects").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="git is not told to be careful here")
def test_a_user_who_allows_bare_repositories_by_name_only_can_fetch(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / "gitconfig"
    configuration.write_text("[safe]\n  bareRepository = explicit\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    assert fetch(author).tag == "v1.0.0"


def test_nothing_is_left_in_the_temporary_folder(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    fetch(author)
    refused(author, "v9")
    assert list(place.iterdir()) == []


# --- over the network -----------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultServer]:
    with FaultServer([serve_git(tmp_path)]) as server:
        yield server


def test_a_pack_comes_over_http_from_this_machine(author: Author, server: FaultServer) -> None:
    fetched = fetch(f"{server.origin}/author/.git")
    assert fetched.contents == fetch(author).contents
    assert fetch(f"{server.origin}/author/.git", commit=fetched.commit).contents == fetched.contents


def test_a_private_repository_is_read_with_the_users_own_credentials(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer([serve_git(tmp_path, user="ada", password="s3cret-0123456789")]) as server:
        url = f"{server.origin}/author/.git"
        [error] = refused(url)
        assert "git needs credentials for it: set up a credential helper or an SSH key" in error
        store = tmp_path / "credentials"
        store.write_text(server.origin.replace("//", "//ada:s3cret-0123456789@") + "\n")
        configuration = tmp_path / "gitconfig"
        configuration.write_text(f"[credential]\n  helper = store --file={store}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
        assert fetch(url).contents == fetch(author).contents
        assert tag_commit({"git": url, "rev": "v1.0.0"}, Path.cwd()) == author.git("rev-parse", "v1.0.0")


def test_a_password_in_a_rewritten_address_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer([reply(500, "no")]) as server:
        configuration = tmp_path / "gitconfig"
        secret = server.origin.replace("//", "//ada:s3cret-0123456789@")
        configuration.write_text(f'[url "{secret}/"]\n  insteadOf = https://prompts.example/\n')
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
        [error] = refused("https://prompts.example/a.git")
        assert "s3cret" not in error
        assert error.startswith("https://prompts.example/a.git cannot be fetched: ")


def test_a_redirect_is_told_and_not_followed(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer([serve_git(tmp_path)]) as elsewhere:
        moved = reply(
            301, headers={"location": f"{elsewhere.origin}/author/.git/info/refs?service=git-upload-pack"}
        )
        with FaultServer([moved]) as server:
            store = tmp_path / "credentials"
            store.write_text(server.origin.replace("//", "//ada:s3cret-0123456789@") + "\n")
            configuration = tmp_path / "gitconfig"
            configuration.write_text(f"[credential]\n  helper = store --file={store}\n")
            monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
            [error] = refused(f"{server.origin}/author/.git")
        assert "it has moved: use its new address (redirects are not followed)" in error
        assert elsewhere.requests == []


def test_whoever_only_asks_for_a_tag_is_never_asked_for_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\necho asked >> {asked}\necho x\n")
    program.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    with FaultServer([serve_git(tmp_path, user="ada", password="x1")]) as server, pytest.raises(FetchError):
        tag_commit({"git": f"{server.origin}/author/.git", "rev": "v1.0.0"}, Path.cwd())
    assert not asked.exists()


def test_a_branch_or_a_commit_is_no_tag_and_nobody_is_asked(author: Author) -> None:
    url = "https://127.0.0.1:1/nobody.git"
    assert tag_commit({"git": url, "rev": "a" * 40}, Path.cwd()) is None
    assert tag_commit({"git": url, "rev": "refs/heads/main"}, Path.cwd()) is None
    assert tag_commit({"git": str(author.folder), "rev": "main"}, Path.cwd()) is None


def test_without_git_it_says_so(author: Author, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = str(author.folder)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(url) == ["git is not installed, or not on the PATH (packs from git need git)"]


def test_a_pack_that_is_refused_names_the_file_and_not_its_bytes(author: Author) -> None:
    write_all(author.folder, {"bad\x1b[2J.py": "x"})
    author.commit()
    with pytest.raises(PackError) as caught:
        fetch(author, "main")
    assert caught.value.exit_code == 2
