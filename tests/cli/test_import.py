"""Test `runner import`: what it writes, what it reports, and what it leaves alone."""

from __future__ import annotations

import json
import os

import pytest

from .project import ProjectFolder

CONFIG = """
prompts: ['Say {{a}}']
providers: [openai:gpt-4o]
tests:
  - {description: One, vars: {a: x}, assert: [{type: contains, value: y}]}
"""
LOSSY = CONFIG.replace(
    "[{type: contains, value: y}]", "[{type: contains, value: y}, {type: is-sql, value: z}]"
)
APPLICATION = CONFIG.replace("openai:gpt-4o", "file://app.py")


def files(project: ProjectFolder) -> set[str]:
    return {
        path.relative_to(project.folder).as_posix() for path in project.folder.rglob("*") if path.is_file()
    }


def test_an_import_without_loss_is_a_success_and_what_it_writes_passes_check(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", CONFIG)
    done = project.run("import", "promptfooconfig.yaml", "-o", "out")
    assert (done.code, done.err) == (0, "To explain a code: runner check --explain I601\n")
    assert "1 assertion: 1 converted" in done.out
    assert done.out.endswith("1 source: 1 without loss\n")
    checked = project.run("check", "out")
    assert (checked.code, checked.out) == (0, "1 prompt, 1 case: 0 errors, 0 warnings\n")


def test_a_loss_is_told_at_its_place_and_has_an_exit_code_of_its_own(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", LOSSY)
    done = project.run("import", "promptfooconfig.yaml", "-o", "out")
    assert done.code == 6
    assert (
        'promptfooconfig.yaml:5:75 I501 not convertible: assertion "is-sql", there is no such check'
        in done.out
    )
    assert "2 assertions: 1 converted, 1 not convertible" in done.out
    assert project.run("check", "out").code == 0


def test_a_refused_source_writes_nothing(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", APPLICATION)
    before = files(project)
    done = project.run("import", "promptfooconfig.yaml", "-o", "out")
    assert done.code == 2
    assert "promptfooconfig.yaml:3:12: error: the provider is code (file://app.py)" in done.err
    assert files(project) == before


@pytest.mark.parametrize(("source", "code"), [(LOSSY, "I501"), (APPLICATION, "I201")])
def test_an_import_names_the_command_that_explains_a_loss_or_a_refusal(
    project: ProjectFolder, source: str, code: str
) -> None:
    project.write("promptfooconfig.yaml", source)
    done = project.run("import", "promptfooconfig.yaml", "-o", "out")
    assert done.err.endswith(f"To explain a code: runner check --explain {code}\n")
    assert project.run("check", "--explain", code).code == 0


def test_the_report_as_json_comes_without_the_command_that_explains_a_code(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", LOSSY)
    assert project.run("import", "promptfooconfig.yaml", "--check", "--format", "json").err == ""


def test_a_source_that_is_no_yaml_is_an_error_at_its_place(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", "prompts: [a\nproviders: x\n")
    done = project.run("import", "promptfooconfig.yaml")
    assert done.code == 2
    assert "promptfooconfig.yaml:1:10: error" in done.err
    assert files(project) == {"promptfooconfig.yaml"}


def test_check_reports_and_writes_nothing(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", LOSSY)
    done = project.run("import", "promptfooconfig.yaml", "-o", "out", "--check")
    assert done.code == 6
    assert "would be written  out/" in done.out
    assert files(project) == {"promptfooconfig.yaml"}


def test_the_report_as_json_adds_up(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", LOSSY)
    done = project.run("import", "promptfooconfig.yaml", "-o", "out", "--format", "json")
    (source,) = json.loads(done.out)["sources"]
    for counts in source["counts"].values():
        assert counts.pop("items") == sum(counts.values())
    assert sum(sum(each.values()) for each in source["counts"].values()) == len(source["items"])
    assert [item["code"] for item in source["items"] if item["outcome"] == "lost"] == ["I501"]
    assert source["files"] == ["out/prompt.prompt.yaml"]


def test_the_same_again_changes_nothing_and_something_else_needs_force(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", CONFIG)
    assert project.run("import", "promptfooconfig.yaml").code == 0
    again = project.run("import", "promptfooconfig.yaml")
    assert again.code == 0
    assert "unchanged  prompt.prompt.yaml" in again.out
    project.write("prompt.prompt.yaml", "mine\n")
    refused = project.run("import", "promptfooconfig.yaml")
    assert refused.code == 2
    assert "prompt.prompt.yaml already exists" in refused.err
    assert (project.folder / "prompt.prompt.yaml").read_text() == "mine\n"
    assert project.run("import", "promptfooconfig.yaml", "--force").code == 0
    assert (project.folder / "prompt.prompt.yaml").read_text() != "mine\n"


def test_one_file_that_is_in_the_way_keeps_all_the_others_from_being_written(project: ProjectFolder) -> None:
    project.write("a/promptfooconfig.yaml", CONFIG)
    project.write("b/promptfooconfig.yaml", CONFIG)
    project.write("out/b/prompt.prompt.yaml", "mine\n")
    assert project.run("import", ".", "-o", "out").code == 2
    assert not (project.folder / "out" / "a").exists()


def test_of_a_folder_everything_that_is_known_is_imported_where_it_stood(project: ProjectFolder) -> None:
    project.write("a/promptfooconfig.yaml", CONFIG)
    project.write("b/promptfooconfig.yaml", LOSSY)
    project.write("c/promptfooconfig.yaml", APPLICATION)
    project.write("node_modules/d/promptfooconfig.yaml", CONFIG)
    project.write("e/other.yaml", "a: 1\n")
    done = project.run("import", ".", "-o", "out")
    assert done.code == 2
    assert done.out.endswith("3 sources: 1 without loss, 1 with losses, 1 refused\n")
    assert {name for name in files(project) if name.startswith("out/")} == {
        "out/a/prompt.prompt.yaml",
        "out/b/prompt.prompt.yaml",
    }


def test_prompts_of_one_folder_that_share_a_name_are_called_after_their_files(project: ProjectFolder) -> None:
    for name in ("a", "b"):
        project.write(f"{name}.prompty", "---\nname: Same\nmodel: m\n---\nuser:\nhi\n")
    done = project.run("import", ".", "-o", "out")
    assert done.code == 0
    assert "note: 2 prompts in out have the name same, which is kept as x-name" in done.out
    assert project.run("check", "out").code == 0
    assert "x-name: Same" in (project.folder / "out" / "a.prompt.yaml").read_text(encoding="utf-8")


def test_nothing_is_written_through_a_link_that_leads_elsewhere(project: ProjectFolder) -> None:
    project.write("in/promptfooconfig.yaml", CONFIG)
    (project.folder / "elsewhere").mkdir()
    (project.folder / "out").mkdir()
    (project.folder / "out" / "prompt.prompt.yaml").symlink_to(project.folder / "elsewhere" / "x.yaml")
    done = project.run("import", "in/promptfooconfig.yaml", "-o", "out", "--force")
    assert done.code == 2
    assert not (project.folder / "elsewhere" / "x.yaml").exists()


@pytest.mark.parametrize("command", ["check", "render", "run", "test"])
def test_a_foreign_file_named_to_another_command_gets_one_line_with_the_import(
    project: ProjectFolder, command: str
) -> None:
    project.write("promptfooconfig.yaml", CONFIG)
    done = project.run(command, "promptfooconfig.yaml")
    assert done.code == 2
    said = done.out + done.err
    assert "promptfooconfig.yaml is a configuration of promptfoo" in said
    assert "runner import promptfooconfig.yaml" in said
    assert "unknown key" not in said


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("none.yaml", "a: 1\n", "is not a file that runner can import"),
        ("missing.yaml", None, "there is no file missing.yaml"),
    ],
)
def test_a_file_that_cannot_be_imported_is_said_to_be_none(
    project: ProjectFolder, name: str, text: str | None, says: str
) -> None:
    if text is not None:
        project.write(name, text)
    done = project.run("import", name)
    assert done.code == 2
    assert says in done.err


def test_a_folder_without_anything_to_import_selects_nothing(project: ProjectFolder) -> None:
    project.write("a.yaml", "a: 1\n")
    assert project.run("import", ".").code == 5


def test_a_fifo_in_a_folder_is_passed_over_and_one_that_is_named_is_refused(project: ProjectFolder) -> None:
    project.write("in/promptfooconfig.yaml", CONFIG)
    os.mkfifo(project.folder / "in" / "p.prompty")
    assert project.run("import", "in", "-o", "out").code == 0
    done = project.run("import", "in/p.prompty", "-o", "out")
    assert done.code == 2
    assert "in/p.prompty is not read: it is not a regular file" in done.err


def test_an_output_that_is_a_file_is_refused(project: ProjectFolder) -> None:
    project.write("promptfooconfig.yaml", CONFIG)
    project.write("out", "mine\n")
    done = project.run("import", "promptfooconfig.yaml", "-o", "out")
    assert (done.code, "out is a file" in done.err) == (2, True)


def test_a_file_that_a_prompt_includes_stays_as_it_is_where_the_import_is_written_beside_it(
    project: ProjectFolder,
) -> None:
    project.write(
        "promptfooconfig.yaml",
        "prompts: [\"A\\n{% include 'rules.md' %}B\"]\nproviders: [openai:gpt-4o]\ntests: [{}]\n",
    )
    project.write("rules.md", "be kind\n")
    assert project.run("import", "promptfooconfig.yaml").code == 0
    assert (project.folder / "rules.md").read_text(encoding="utf-8") == "be kind\n"
    assert json.loads(project.run("render", "prompt.prompt.yaml", "--format", "request").out)["messages"] == [
        {"role": "user", "content": "A\nbe kind\nB"}
    ]


PLAIN = "name: N\nmodel: openai/gpt-4o\nmessages:\n  - {role: user, content: 'Hi {{x}} { {{y }}'}\n"


def test_a_prompt_of_github_with_nothing_but_shared_keys_is_imported_where_github_keeps_them(
    project: ProjectFolder,
) -> None:
    project.write(".github/prompts/a.prompt.yml", PLAIN)
    assert project.run("import", ".", "-o", "out").code == 0
    done = project.run(
        "render", "out/.github/prompts/a.prompt.yaml", "--var", "x={{b}}", "--format", "request"
    )
    assert json.loads(done.out)["messages"] == [{"role": "user", "content": "Hi {{b}} { {{y }}"}]


def test_a_prompt_with_nothing_but_shared_keys_is_imported_if_its_format_is_named(
    project: ProjectFolder,
) -> None:
    project.write("a.prompt.yml", PLAIN)
    assert project.run("import", "a.prompt.yml", "-o", "out").code == 2
    assert project.run("import", "--from", "github", "a.prompt.yml", "-o", "out").code == 0
    project.write("ours.prompt.yaml", PLAIN + "tests: [{vars: {x: a}}]\n")
    done = project.run("import", "--from", "github", "ours.prompt.yaml", "-o", "out")
    assert (done.code, "already" in done.err) == (2, True)


KEPT = """\
model: m
messages: [{role: user, content: Hi}]
x-import:
  version: 1
  from: promptfoo
  source: promptfooconfig.yaml
  lost:
    - at: promptfooconfig.yaml:6:47
      code: I502
      assert: {type: llm-rubric, value: is polite, provider: openai:j-2026-01-01}
tags: [import-incomplete]
tests: [{vars: {}}]
"""


def test_what_an_import_kept_is_converted_in_place_by_import_again(project: ProjectFolder) -> None:
    project.write("a.prompt.yaml", KEPT)
    project.write("b.prompt.yaml", "messages: [{role: user, content: Hi}]\n")
    looked = project.run("import", "--again", ".", "--check")
    assert (looked.code, (project.folder / "a.prompt.yaml").read_text()) == (0, KEPT)
    assert "would be written" in looked.out
    done = project.run("import", "--again", ".")
    assert done.code == 0
    assert "a.prompt.yaml (x-import): 1 assertion: 1 converted" in done.out
    assert "import-incomplete" not in (project.folder / "a.prompt.yaml").read_text()
    assert project.run("check", "a.prompt.yaml").code == 0
    assert project.run("import", "--again", ".").code == 5


def test_import_again_refuses_options_of_other_imports(project: ProjectFolder) -> None:
    project.write("a.prompt.yaml", KEPT)
    done = project.run("import", "--again", "a.prompt.yaml", "-o", "out")
    assert done.code == 2
    assert "neither -o, --from nor --force" in done.err
