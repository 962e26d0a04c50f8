"""Where a pack may come from, as runner.yaml says it: no keys, no helpers of git's, nothing of one machine only."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import FormatError, Problems, RunnerError
from runner.files.model_rules import denial_of, pack_model
from runner.files.project import load_project

GIT = "packs: {{s: {{git: '{}', rev: v1}}}}\n"
REV = "packs: {{s: {{git: ../x, rev: '{}'}}}}\n"
URL = "packs: {{s: {{url: '{}', sha256: " + "a" * 64 + "}}}}\n"


def refusal(folder: Path, text: str) -> FormatError:
    (folder / "runner.yaml").write_text(text)
    with pytest.raises(RunnerError) as caught:
        load_project(folder, cwd=folder, environ={})
    assert not isinstance(caught.value, Problems)
    assert isinstance(caught.value, FormatError)
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/prompts.git",
        "https://github.com/acme/prompts",
        "https://git.example:8443/a.git",
        "ssh://git@github.com/acme/prompts.git",
        "ssh://git@git.example:2222/a.git",
        "git@github.com:acme/prompts.git",
        "file:///srv/prompts.git",
        "../prompts",
        "/srv/prompts with spaces.git",
        "C:/prompts",
        "http://127.0.0.1:8000/a.git",
        "http://localhost/a.git",
        "http://[::1]/a.git",
    ],
)
def test_a_repository_has_an_address(tmp_path: Path, url: str) -> None:
    (tmp_path / "runner.yaml").write_text(GIT.format(url))
    assert load_project(tmp_path, environ={}).packs == {"s": {"git": url, "rev": "v1"}}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("-oProxyCommand=x", "begins with a dash"),
        ("--upload-pack=touch x", "begins with a dash"),
        ("ext::sh -c touch% x", "names a helper program of git"),
        ("hg::https://x.example/a", "names a helper program of git"),
        ("git://github.com/acme/prompts.git", "is not an https or ssh URL"),
        ("http://github.com/acme/prompts.git", "is not an https or ssh URL"),
        ("http://127.0.0.1.example/a.git", "is not an https or ssh URL"),
        ("ftp://x.example/a.git", "is not an https or ssh URL"),
        (
            "https://ghp_planted0123456789abcdef@github.com/acme/prompts.git",
            "contains a user name or a password",
        ),
        ("https://me:hunter2@github.com/acme/prompts.git", "contains a user name or a password"),
        ("ssh://me:hunter2@github.com/acme/prompts.git", "contains a user name or a password"),
        ("me:hunter2@github.com:acme/prompts.git", "contains a password"),
        ("https://x.example/a.git?token=hunter2", "contains a query or a fragment"),
        ("https:///a.git", "is not a URL"),
        ("https://x.example:y/a.git", "is not a URL"),
        ("https://x.example/a b.git", "contains white space"),
        ("../a\\tb", "contains white space"),
    ],
)
def test_an_address_that_is_refused_is_not_repeated(tmp_path: Path, url: str, told: str) -> None:
    error = refusal(tmp_path, GIT.format(url).replace("'", '"'))
    assert error.message.startswith(f"packs.s.git {told}")
    assert str(error.location) == "runner.yaml:1:18"
    assert "hunter2" not in str(error)
    assert "planted" not in str(error)


@pytest.mark.parametrize(
    "rev", ["v1.4.0", "main", "feature/x", "support@1.0", "refs/tags/v1", "0" * 40, "1.0"]
)
def test_a_revision_is_a_name_or_a_whole_commit(tmp_path: Path, rev: str) -> None:
    (tmp_path / "runner.yaml").write_text(REV.format(rev))
    assert load_project(tmp_path, environ={}).packs == {"s": {"git": "../x", "rev": rev}}


@pytest.mark.parametrize(
    ("rev", "told"),
    [
        ("-x", "begins with a dash"),
        ("--upload-pack=touch", "begins with a dash"),
        ("v1 v2", "is not the name"),
        ("main~1", "is not the name"),
        ("main^{}", "is not the name"),
        ("a..b", "is not the name"),
        ("a:b", "is not the name"),
        ("refs/heads/*", "is not the name"),
        ("@", "is not the name"),
        ("a@{1}", "is not the name"),
        ("x.lock", "is not the name"),
        ("/x", "is not the name"),
        ("x/", "is not the name"),
        ("469228d", "looks like an abbreviated commit"),
    ],
)
def test_a_revision_that_is_none(tmp_path: Path, rev: str, told: str) -> None:
    assert refusal(tmp_path, REV.format(rev)).message.startswith(f"packs.s.rev {told}")


@pytest.mark.parametrize("folder", ["/x", "../x", "a/../b", "./a", "a//b", "-x", "C:/x", "a\\\\b"])
def test_a_subdirectory_stays_in_its_repository(tmp_path: Path, folder: str) -> None:
    text = f'packs: {{s: {{git: ../x, rev: v1, subdirectory: "{folder}"}}}}\n'
    assert refusal(tmp_path, text).message.startswith("packs.s.subdirectory is ")


@pytest.mark.parametrize("folder", ["/x", "~/x", "C:/x", "a\\\\b"])
def test_a_path_means_the_same_on_every_machine(tmp_path: Path, folder: str) -> None:
    assert refusal(tmp_path, f'packs: {{s: {{path: "{folder}"}}}}\n').message.startswith("packs.s.path is ")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://x.example/a.tar.gz", "is not an https URL"),
        ("file:///a.tar.gz", "is not a URL"),
        ("ftp://x.example/a.tar.gz", "is not an https URL"),
        ("https://me:hunter2@x.example/a.tar.gz", "contains a user name or a password"),
        ("https://x.example/a.tar.gz?key=hunter2", "contains a query or a fragment"),
        ("https://x.example/a.tar.gz#x", "contains a query or a fragment"),
        ("a.tar.gz", "is not a URL"),
        ("https://x.example/ a", "contains white space"),
    ],
)
def test_an_archive_comes_over_https_without_a_key(tmp_path: Path, url: str, told: str) -> None:
    error = refusal(tmp_path, URL.format(url))
    assert error.message.startswith(f"packs.s.url {told}")
    assert "hunter2" not in str(error)


def test_a_distribution_has_a_name(tmp_path: Path) -> None:
    assert (
        refusal(tmp_path, "packs: {s: {python: '../x'}}\n").message
        == "packs.s.python is not the name of a distribution"
    )


def test_the_line_that_is_shown_does_not_give_a_password_away(tmp_path: Path) -> None:
    from tests.cli.project import ProjectFolder

    project = ProjectFolder(tmp_path)
    for url in (
        "https://me:hunter2@github.com/a/b.git",
        "https://github.com/a/b.git?token=hunter2&x=1",
        "me:hunter2@github.com:x/github.com/a/b.git",
    ):
        project.write("runner.yaml", GIT.format(url))
        done = project.run("pack", "verify")
        assert done.code == 2
        assert "github.com/a/b.git" in done.err
        assert "hunter2" not in done.err + done.out


MODELS = """\
models:
  gpt-5-mini: {deny: false}
  "gpt-5*": {deny: true, price: {input: 1, output: 1}}
  "gpt-*": {endpoint: openai}
packs:
  support: {path: ../support, model: gpt-5-mini}
  house: {path: ../house}
"""


@pytest.mark.parametrize(
    ("model", "where"),
    [
        ("gpt-5-mini", None),
        ("gpt-5", "runner.yaml:3:3"),
        ("gpt-5-pro", "runner.yaml:3:3"),
        ("gpt-4", None),
        ("x", None),
    ],
)
def test_the_first_entry_that_says_whether_a_model_is_denied_counts(
    tmp_path: Path, model: str, where: str | None
) -> None:
    (tmp_path / "runner.yaml").write_text(MODELS)
    denial = denial_of(load_project(tmp_path, cwd=tmp_path, environ={}), model)
    assert (str(denial) if denial else None) == where


def test_a_pack_may_be_given_a_model(tmp_path: Path) -> None:
    (tmp_path / "runner.yaml").write_text(MODELS)
    project = load_project(tmp_path, environ={})
    assert [pack_model(project, alias) for alias in ("support", "house", "none")] == [
        "gpt-5-mini",
        None,
        None,
    ]
