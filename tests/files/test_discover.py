"""Which prompt files a command line means, and what messages call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import FormatError, MissingFileError, NothingSelectedError, RunnerError, UsageError
from runner.files.discover import find_prompts, find_prompts_in
from runner.files.disk.tree import MemoryTree
from runner.files.project import load_project
from runner.files.project_root import find_root

FILES = [
    "runner.yaml",
    "prompts/b.prompt.yaml",
    "prompts/a.prompt.yml",
    "prompts/deep/c.prompt.yaml",
    "prompts/README.md",
    "prompts/plain.yaml",
    ".hidden/h.prompt.yaml",
    "node_modules/n.prompt.yaml",
    "venv/pyvenv.cfg",
    "venv/v.prompt.yaml",
    "packs/x/p.prompt.yaml",
    "packs.lock",
    "top.prompt.yaml",
]
ALL = ["prompts/a.prompt.yml", "prompts/b.prompt.yaml", "prompts/deep/c.prompt.yaml", "top.prompt.yaml"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "home/runner.yaml").write_text("version: 1\n")
    return tmp_path / "home"


def find(root: Path, *args: str, cwd: Path | None = None, config: str = "version: 1\n") -> list[str]:
    (root / "runner.yaml").write_text(config)
    project = load_project(root, cwd=root, environ={})
    return [tree.shown(file) for tree, file in find_prompts(args, project=project, cwd=cwd or root)]


def test_the_root_is_the_nearest_folder_upward_with_a_project_file(root):
    assert find_root(root / "prompts/deep") == root
    assert find_root(root) == root


def test_without_a_project_file_the_root_is_where_one_stands(tmp_path):
    (tmp_path / "a").mkdir()
    assert find_root(tmp_path / "a") == tmp_path / "a"


def test_without_arguments_all_prompts_under_the_root_are_meant(root):
    assert find(root) == ALL


def test_the_prompts_that_github_keeps_in_a_hidden_folder_are_meant_too(root):
    for name in (".github/prompts/g.prompt.yml", ".github/h.prompt.yml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    assert find(root) == [".github/prompts/g.prompt.yml", *ALL]
    assert find(root, config='version: 1\nprompts: [".github/prompts/*.prompt.yml"]\n') == [
        ".github/prompts/g.prompt.yml"
    ]


def test_from_a_folder_below_names_are_shown_from_there(root):
    assert find(root, cwd=root / "prompts") == [
        "a.prompt.yml", "b.prompt.yaml", "deep/c.prompt.yaml", "../top.prompt.yaml",
    ]  # fmt: skip


def test_the_globs_of_the_project_say_what_its_prompts_are(root):
    assert find(root, config="prompts: ['prompts/*.yaml', '**/c.*']\n") == [
        "prompts/b.prompt.yaml", "prompts/deep/c.prompt.yaml", "prompts/plain.yaml",
    ]  # fmt: skip


def test_globs_of_the_project_pass_over_what_is_passed_over(root):
    assert find(root, config="prompts: ['**/*.prompt.yaml']\n") == [ALL[1], ALL[2], ALL[3]]


def test_a_glob_of_the_project_that_matches_nothing_is_refused_at_its_place(root):
    with pytest.raises(FormatError) as caught:
        find(root, config="prompts:\n  - prompts/*\n  - prompt/*.yaml\n")
    assert str(caught.value) == (
        "runner.yaml:3:5: prompt/*.yaml matches no file (globs are relative to runner.yaml; ** stands for any folders)"
    )


@pytest.mark.parametrize(
    ("args", "files"),
    [
        (["prompts"], ALL[:3]),
        (["prompts/"], ALL[:3]),
        (["."], ALL),
        (["prompts/b.prompt.yaml"], [ALL[1]]),
        (["./prompts/b.prompt.yaml"], ["./prompts/b.prompt.yaml"]),
        (["prompts/plain.yaml"], ["prompts/plain.yaml"]),
        (["top.prompt.yaml", "prompts/*.y*ml"], [ALL[0], ALL[1], ALL[3]]),
        (["**/*.yaml"], [ALL[1], ALL[2], ALL[3]]),
        (["prompts/*"], ALL[:3]),
        (["prompts/b.prompt.yaml", "prompts", "./prompts/b.prompt.yaml"], ALL[:3]),
        (["node_modules"], ["node_modules/n.prompt.yaml"]),
        ([".hidden/*.yaml"], [".hidden/h.prompt.yaml"]),
        (["packs/x"], ["packs/x/p.prompt.yaml"]),
    ],
)
def test_files_folders_and_globs_mean_prompts_once_and_sorted(root, args, files):
    assert find(root, *args) == files


def test_an_absolute_name_is_shown_as_it_was_given(root):
    name = str(root / "prompts/b.prompt.yaml")
    assert find(root, name) == [name]
    assert find(root, str(root / "prompts"))[0] == str(root / "prompts/a.prompt.yml")


def test_a_file_whose_name_looks_like_a_glob_is_a_file(root):
    (root / "a[1].prompt.yaml").write_text("")
    assert find(root, "a[1].prompt.yaml") == ["a[1].prompt.yaml"]


def other_project(root: Path, folder: str = "svc") -> Path:
    """A project of its own, with one prompt."""
    other = root / folder
    (other / "prompts").mkdir(parents=True)
    (other / "prompts/o.prompt.yaml").write_text("")
    (other / "runner.yaml").write_text("")
    return other


@pytest.mark.parametrize(
    "arg", ["svc/prompts/o.prompt.yaml", "svc", "svc/prompts", "svc/**", "prompts/../svc/prompts"]
)
def test_a_prompt_that_another_project_is_nearer_to_is_refused_where_it_is_named(root, arg):
    other_project(root)
    with pytest.raises(UsageError) as caught:
        find(root, "top.prompt.yaml", arg)
    assert "svc/runner.yaml is nearer to" in str(caught.value)
    assert caught.value.hint == "run `runner` in svc"


def test_a_prompt_outside_that_another_project_governs_is_refused(root):
    other_project(root.parent, "other")
    with pytest.raises(UsageError) as caught:
        find(root, "../other/prompts")
    assert str(caught.value) == (
        "../other/prompts/o.prompt.yaml: ../other/runner.yaml is nearer to ../other/prompts/o.prompt.yaml, and its "
        "endpoints and rules would not apply (run `runner` in ../other)"
    )


def test_a_link_to_a_prompt_of_another_project_is_refused(root):
    other_project(root)
    (root / "prompts/link.prompt.yaml").symlink_to("../svc/prompts/o.prompt.yaml")
    with pytest.raises(UsageError, match=r"svc/runner\.yaml is nearer to prompts/link\.prompt\.yaml"):
        find(root, "prompts/link.prompt.yaml")
    (root / "linked").symlink_to("svc/prompts")
    with pytest.raises(UsageError, match=r"svc/runner\.yaml is nearer"):
        find(root, "linked/o.prompt.yaml")


@pytest.mark.parametrize("args", [[], ["."], ["**/*.prompt.y*ml"]])
def test_a_search_passes_over_another_project_and_says_so(root, args):
    other_project(root)
    told = []
    project = load_project(root, cwd=root, environ={})
    found = find_prompts(args, project=project, cwd=root, remark=told.append)
    assert [file for _, file in found] == ALL
    assert [(each.message, str(each.location)) for each in told] == [
        ("1 prompt of the project in svc skipped", "svc/runner.yaml")
    ]


def test_a_search_that_finds_prompts_of_other_projects_only_is_refused(tmp_path):
    other_project(tmp_path)
    project = load_project(tmp_path, cwd=tmp_path, environ={})
    with pytest.raises(UsageError, match=r"svc/runner\.yaml is nearer to svc/prompts/o\.prompt\.yaml"):
        find_prompts([], project=project, cwd=tmp_path)


def test_a_glob_of_the_project_for_prompts_of_another_one_is_refused_at_its_place(root):
    other_project(root)
    with pytest.raises(FormatError) as caught:
        find(root, config="prompts:\n  - svc/**/*.prompt.yaml\n")
    assert str(caught.value).startswith(
        "runner.yaml:2:5: svc/runner.yaml is nearer to svc/prompts/o.prompt.yaml"
    )


def test_a_project_file_in_the_copy_of_a_pack_governs_nothing(root):
    (root / "packs/x/runner.yaml").write_text("")
    assert find(root, "packs/x") == ["packs/x/p.prompt.yaml"]
    assert find_root(root / "packs/x") == root


def test_a_tree_leaves_out_the_projects_in_it(root):
    project = load_project(root, cwd=root, environ={})
    tree = MemoryTree(
        dict.fromkeys(("runner.yaml", "a.prompt.yaml", "svc/runner.yaml", "svc/b.prompt.yaml"), b"")
    )
    assert find_prompts_in(tree, (), project=project, cwd=root) == ["a.prompt.yaml"]
    assert find_prompts_in(tree, ["svc"], project=project, cwd=root) == []


def test_a_file_outside_every_project_belongs_to_its_folder(root):
    path = root.parent / "loose.prompt.yaml"
    path.write_text("")
    project = load_project(root, cwd=root, environ={})
    ((tree, file),) = find_prompts(["../loose.prompt.yaml"], project=project, cwd=root)
    assert (tree.root, file, tree.shown(file)) == (root.parent, "loose.prompt.yaml", "../loose.prompt.yaml")


def test_prompts_of_one_project_share_a_tree(root):
    project = load_project(root, cwd=root, environ={})
    assert len({id(tree) for tree, _ in find_prompts([], project=project, cwd=root)}) == 1


ENDINGS = "prompt files end with .prompt.yaml or .prompt.yml"
REFUSED = {
    "missing": ("prompts/c.prompt.yaml", MissingFileError, "prompts/c.prompt.yaml: there is no file prompts/c.prompt.yaml (did you mean \"prompts/b.prompt.yaml\"?)"),
    "a name": ("top", MissingFileError, "top: there is no prompt or file top (did you mean \"top.prompt.yaml\"?)"),
    "unlike any": ("zzzzzzzz", MissingFileError, "zzzzzzzz: there is no prompt or file zzzzzzzz"),
    "no YAML": ("prompts/README.md", UsageError, "prompts/README.md: prompts/README.md is not a prompt file (prompts are YAML files (.prompt.yaml))"),
    "empty folder": ("empty", NothingSelectedError, f"there is no prompt file in empty ({ENDINGS})"),
    "glob without match": ("nix/*.yaml", NothingSelectedError, f"no prompt file matches nix/*.yaml ({ENDINGS})"),
    "glob of other files": ("prompts/*.md", NothingSelectedError, f"no prompt file matches prompts/*.md ({ENDINGS})"),
}  # fmt: skip


@pytest.mark.parametrize(("arg", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_an_argument_that_means_no_prompt_is_refused(root, arg, kind, message):
    (root / "empty").mkdir()
    with pytest.raises(RunnerError) as caught:
        find(root, "top.prompt.yaml", arg)
    assert (type(caught.value), str(caught.value)) == (kind, message)


def test_a_project_without_prompts_selects_nothing(tmp_path):
    with pytest.raises(NothingSelectedError) as caught:
        find(tmp_path)
    assert str(caught.value) == f"there is no prompt file in this folder ({ENDINGS}; runner init writes one)"
    assert caught.value.exit_code == 5


LISTED = (
    "a.prompt.yaml",
    "x/a.prompt.yaml",
    "x/y/b.prompt.yaml",
    "x/.c.prompt.yaml",
    "x/plain.yaml",
    "[x].prompt.yaml",
)


@pytest.mark.parametrize(
    "pattern",
    [
        *("**/*.prompt.yaml", "*.prompt.yaml", "*/*.prompt.yaml", "x/**", "**", "x/**/*.yaml", "x/*", "x/.*"),
        *(
            "[[]x].prompt.yaml",
            "[x].prompt.yaml",
            "x/a.prompt.yaml",
            "**/a.prompt.yaml",
            "a.prompt.yaml/**",
            "?/?.*",
        ),
    ],
)
def test_a_pattern_means_the_same_files_in_a_tree_as_on_disk(tmp_path: Path, pattern: str) -> None:
    for file in LISTED:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "runner.yaml").write_text(f"prompts: ['{pattern}']\n")
    project = load_project(tmp_path, environ={})
    try:
        on_disk = [file for _, file in find_prompts([], project=project, cwd=tmp_path)]
    except FormatError:
        on_disk = []
    tree = MemoryTree(dict.fromkeys((*LISTED, "runner.yaml"), b""))
    assert find_prompts_in(tree, (), project=project, cwd=tmp_path) == on_disk


@pytest.mark.parametrize(
    ("args", "cwd", "means"),
    [
        (["x"], ".", ["x/.c.prompt.yaml", "x/a.prompt.yaml", "x/y/b.prompt.yaml"]),
        (["."], "x", ["x/.c.prompt.yaml", "x/a.prompt.yaml", "x/y/b.prompt.yaml"]),
        (["../a.prompt.yaml"], "x", ["a.prompt.yaml"]),
        (["x/plain.yaml"], ".", ["x/plain.yaml"]),
        (["*"], "x", ["x/a.prompt.yaml", "x/y/b.prompt.yaml"]),
        (["gone"], ".", []),
        (["../elsewhere"], ".", []),
    ],
)
def test_arguments_mean_the_same_files_in_a_tree(
    tmp_path: Path, args: list[str], cwd: str, means: list[str]
) -> None:
    tree = MemoryTree(dict.fromkeys(LISTED, b""))
    project = load_project(tmp_path, environ={})
    assert find_prompts_in(tree, args, project=project, cwd=tmp_path / cwd) == means
