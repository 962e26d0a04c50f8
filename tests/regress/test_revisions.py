"""What became of each request between two sides, and the hunks that tell it once."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Problems, TemplateError, UsageError
from runner.files.discover import find_prompts_in
from runner.files.disk.tree import DiskTree, MemoryTree
from runner.files.project import load_project_from
from runner.files.prompt import load_prompt
from runner.regress.revisions.changed_cases import Change, changed_bodies, changed_cases, changes
from runner.regress.revisions.hunks import grouped_hunks, hunks
from runner.regress.revisions.rendered_revision import RenderedRevision, rendered_at
from runner.regress.revisions.request_diff import RequestDiff, compare
from runner.wire.dialect import dialect_of

from .repository import GitFolder

PROMPT = """\
name: triage
model: m
inputs: {ticket: {type: string}}
messages:
  - {role: system, content: "Be brief."}
  - {role: user, content: "{{ ticket }}"}
tests:
  - {id: one, vars: {ticket: first}}
  - {id: two, vars: {ticket: second}}
"""
FILE = "prompts/triage.prompt.yaml"
ROOT = Path("/project")


def side(files: dict[str, str]) -> RenderedRevision:
    tree = MemoryTree({name: text.encode() for name, text in files.items()})
    return rendered_at(
        tree, ROOT, lambda project: find_prompts_in(tree, (), project=project, cwd=ROOT), environ={}
    )


def between(base: dict[str, str], head: dict[str, str]) -> list[Change]:
    return list(changes(side(base).requests(), side(head).requests()))


def told(base: dict[str, str], head: dict[str, str]) -> dict[str, str]:
    """What became of each case of the one prompt, with the parts that changed."""
    return {change.digest.key[1]: " ".join([change.change, *change.parts]) for change in between(base, head)}


def edited(old: str, new: str, text: str = PROMPT) -> dict[str, str]:
    assert old in text
    return {FILE: text.replace(old, new)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: triage", "name: triage\n# a comment\ndescription: more\ntags: [a]"),
        ("model: m\n", 'model: "m"\nmetadata: {team: a}\nuser: someone\n'),
        ("tests:\n", "assert: [{type: contains, value: x}]\ntests:\n"),
        ("tests:\n  - {id: one, vars: {ticket: first}}\n", "tests:\n"),
    ],
    ids=["words", "uncounted fields", "assertions", "a case gone"],
)
def test_only_what_is_sent_counts(old: str, new: str) -> None:
    assert told({FILE: PROMPT}, edited(old, new))["two"] == "unchanged"


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("Be brief.", "Be kind.", "messages"),
        ("model: m", "model: n", "params"),
        ("model: m", "model: m\ntemperature: 0", "params"),
        ("model: m", "model: m\nresponse_format: {type: json_object}", "schema"),
        ("model: m", "model: m\ntools: [{type: function, function: {name: f}}]", "schema"),
        ('model: m\ninputs: {ticket: {type: string}}\nmessages:\n  - {role: system, content: "Be brief."}',
         'model: n\ninputs: {ticket: {type: string}}\nmessages:', "messages params"),
    ],
)  # fmt: skip
def test_a_changed_request_says_which_of_its_parts_changed(old: str, new: str, parts: str) -> None:
    expected = f"changed {parts}"
    assert told({FILE: PROMPT}, edited(old, new)) == {"one": expected, "two": expected}


def test_an_edited_case_changes_alone() -> None:
    assert told({FILE: PROMPT}, edited("first", "other")) == {"one": "changed messages", "two": "unchanged"}


def test_an_include_changes_the_cases_that_use_it() -> None:
    text = PROMPT.replace("Be brief.", "{% if ticket == 'first' %}{% include '../tone.txt' %}{% endif %}")
    base, head = {FILE: text, "tone.txt": "Kindly."}, {FILE: text, "tone.txt": "Sternly."}
    assert told(base, head) == {"one": "changed messages", "two": "unchanged"}


def test_a_default_of_an_input_changes_the_cases_that_leave_it_out() -> None:
    text = PROMPT.replace("ticket: {type: string}", "ticket: {type: string, default: a}")
    text = text.replace("vars: {ticket: second}", "vars: {}")
    assert told({FILE: text}, edited("default: a", "default: b", text)) == {
        "one": "unchanged",
        "two": "changed messages",
    }


def test_the_project_file_of_each_side_is_its_own() -> None:
    text = PROMPT.replace("model: m\n", "")
    endpoint = "endpoint: e\nendpoints: {{e: {{base_url: 'https://a.example/v1', model: {}}}}}\n"
    base = {FILE: text, "runner.yaml": endpoint.format("m")}
    head = {FILE: text, "runner.yaml": endpoint.format("n")}
    assert told(base, head) == {"one": "changed params", "two": "changed params"}


def test_cases_come_and_go() -> None:
    assert told(
        {FILE: PROMPT}, edited("{id: one, vars: {ticket: first}}", "{id: new, vars: {ticket: x}}")
    ) == {
        "new": "added",
        "one": "removed",
        "two": "unchanged",
    }


def test_a_renamed_case_has_moved() -> None:
    moved = between({FILE: PROMPT}, edited("id: one", "id: uno"))
    [change] = [each for each in moved if each.change != "unchanged"]
    assert change.change == "moved"
    assert change.before is not None
    assert (change.before.key[1], change.digest.key[1]) == ("one", "uno")


def test_a_renamed_prompt_has_moved_with_its_cases_each_to_its_own_name() -> None:
    same = PROMPT.replace("second", "first")
    found = between({FILE: same}, {"new.prompt.yaml": same})
    assert [(each.change, each.before and each.before.key[1], each.digest.key) for each in found] == [
        ("moved", "one", ("new.prompt.yaml", "one", None)),
        ("moved", "two", ("new.prompt.yaml", "two", None)),
    ]


def test_a_copied_prompt_is_added_because_the_first_one_is_still_there() -> None:
    found = between({FILE: PROMPT}, {FILE: PROMPT, "copy.prompt.yaml": PROMPT})
    assert [each.change for each in found] == ["unchanged", "unchanged", "added", "added"]


def test_variants_are_requests_of_their_own() -> None:
    text = PROMPT + "matrix: {temperature: [0, 1]}\n"
    found = between({FILE: text}, edited("[0, 1]", "[0, 2]", text))
    assert sorted((each.change, str(each.digest.key[2])) for each in found) == [
        ("added", "temperature=2"),
        ("added", "temperature=2"),
        ("removed", "temperature=1"),
        ("removed", "temperature=1"),
        ("unchanged", "temperature=0"),
        ("unchanged", "temperature=0"),
    ]


@pytest.mark.parametrize(
    ("base", "note"),
    [
        ({FILE: "model: ["}, f"{FILE}:1:"),
        ({FILE: PROMPT.replace("{{ ticket }}", "{{ tickte }}")}, "tickte"),
        ({FILE: PROMPT, "runner.yaml": "unknown: 1\n"}, "runner.yaml:1:1"),
        ({FILE: PROMPT.replace("Be brief.", "{% include 'gone.txt' %}")}, "gone.txt"),
    ],
    ids=["yaml", "variable", "project", "include"],
)
def test_a_base_that_does_not_render_counts_as_changed_and_says_why(base: dict[str, str], note: str) -> None:
    found = between(base, {FILE: PROMPT})
    assert [each.change for each in found] == ["changed", "changed"]
    for change in found:
        assert change.note is not None
        assert change.note.startswith("the base does not render: ")
        assert note in change.note


def test_one_case_that_did_not_render_leaves_the_others_compared() -> None:
    broken = PROMPT.replace("{{ ticket }}", "{{ 1 / (0 if ticket == 'first' else 1) }}{{ ticket }}")
    found = {
        change.digest.key[1]: change
        for change in between({FILE: broken}, edited("{{ ticket }}", "1.0{{ ticket }}"))
    }
    assert found["one"].note is not None
    assert (found["two"].change, found["two"].note) == ("unchanged", None)


def test_rows_after_a_broken_row_of_the_base_are_not_called_added() -> None:
    text = PROMPT.partition("tests:")[0] + "tests: [{file: rows.jsonl}]\n"
    row = '{{"id": "{0}", "vars": {{"ticket": "{0}"}}}}\n'
    rows = [row.format(name) for name in "abc"]
    head = {FILE: text, "prompts/rows.jsonl": "".join(rows)}
    base = {FILE: text, "prompts/rows.jsonl": f'{rows[0]}{{"id": 7}}\n{rows[2]}'}
    assert [each.change for each in between(base, head)] == ["unchanged", "changed", "changed"]


def test_a_head_that_does_not_render_raises() -> None:
    with pytest.raises(TemplateError):
        between({FILE: PROMPT}, edited("{{ ticket }}", "{{ ticket.x.y }}", PROMPT.replace(
            "  - {id: two, vars: {ticket: second}}\n", "")))  # fmt: skip


def test_all_mistakes_of_the_head_are_told_together() -> None:
    with pytest.raises(Problems) as caught:
        between({FILE: PROMPT}, edited("{{ ticket }}", "{{ ticket.x.y }}"))
    assert len(caught.value.errors) == 2


def test_what_has_to_be_asked_is_counted_with_its_samples() -> None:
    head = edited("Be brief.", "Be kind.", PROMPT + "regression: {samples: 5}\n")
    comparison = compared({FILE: PROMPT}, head, recorded=set())
    body = '{"model":"m","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"%s"}]}'
    assert comparison.calls == 10
    assert comparison.size == 5 * (len(body % "first") + len(body % "second"))


def test_what_is_recorded_already_is_not_asked_again() -> None:
    assert compared({FILE: PROMPT}, edited("Be brief.", "Be kind."), recorded={"one"}).calls == 1


def test_prompts_without_cases_are_named_because_nothing_can_be_said_of_them() -> None:
    text = PROMPT.partition("tests:")[0]
    assert compared({FILE: text}, {FILE: text}).without_cases == (FILE,)


def compared(base: dict[str, str], head: dict[str, str], recorded: Set[str] = frozenset()) -> RequestDiff:
    return compare(
        side(base),
        side(head),
        rev="main",
        commit="0" * 40,
        recorded=lambda change: change.digest.key[1] in recorded,
    )


# --- hunks ----------------------------------------------------------------------------------------------------------


def test_the_same_hunk_is_told_once_with_its_cases() -> None:
    [hunk] = compared({FILE: PROMPT}, edited("Be brief.", "Be kind.")).hunks or ()
    assert (hunk.place, hunk.lines) == ("system message", ("-Be brief.", "+Be kind."))
    assert [key[1] for key in hunk.cases] == ["one", "two"]


def test_the_lines_around_a_hunk_may_differ_from_case_to_case() -> None:
    text = PROMPT.replace("{{ ticket }}", "{{ ticket }}\\nAnswer in English.")
    [hunk] = compared({FILE: text}, edited("English", "German", text)).hunks or ()
    assert hunk.lines == (" first", "-Answer in English.", "+Answer in German.")
    assert len(hunk.cases) == 2


def test_the_hunk_of_most_cases_comes_first() -> None:
    head = edited("Be brief.", "Be kind.", PROMPT.replace("first", "other"))
    assert [len(hunk.cases) for hunk in compared({FILE: PROMPT}, head).hunks or ()] == [2, 1]


def message(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


def lines_between(
    before: list[object], after: list[object], **fields: object
) -> list[tuple[str, tuple[str, ...]]]:
    chat = dialect_of("chat")
    older = chat.counted({"messages": before, **fields})  # type: ignore[dict-item]  # JSON by hand
    return list(hunks(older, chat.counted({"messages": after})))  # type: ignore[dict-item]


def test_a_new_message_does_not_shift_those_after_it() -> None:
    before = [message("system", "a"), message("user", "b")]
    after = [message("system", "a"), message("assistant", "new\ntext"), message("user", "b")]
    assert lines_between(before, after) == [("assistant message (added)", ("+new", "+text"))]


def test_a_removed_message_is_told() -> None:
    before = [message("system", "a"), message("user", "b")]
    assert lines_between(before, before[1:]) == [("system message (removed)", ("-a",))]


def test_a_message_that_changes_its_role_is_told_as_two() -> None:
    found = lines_between([message("system", "a")], [message("developer", "a")])
    assert found == [("system message (removed)", ("-a",)), ("developer message (added)", ("+a",))]


def test_a_line_end_that_comes_or_goes_is_seen() -> None:
    assert lines_between([message("user", "a")], [message("user", "a\n")]) == [("user message", (" a", "+"))]


def test_text_that_becomes_a_part_is_seen() -> None:
    found = lines_between([message("user", "a")], [message("user", [{"type": "text", "text": "a"}])])
    assert found == [("user message", ("+[text]", " a"))]


def test_media_are_told_by_their_hash() -> None:
    def picture(data: str) -> object:
        return message("user", [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}])

    [(place, lines)] = lines_between([picture("A" * 90_000)], [picture("B" * 90_000)])
    assert place == "user message"
    assert sum(map(len, lines)) < 500
    assert "90022 characters, sha256" in "".join(lines)


def test_params_and_schema_are_told_apart() -> None:
    found = lines_between([], [], temperature=0, response_format={"type": "json_object"}, user="x")
    assert found == [
        ("params", ('-"temperature": 0',)),
        ("schema", ('-"response_format": {', '-  "type": "json_object"', "-}")),
    ]


JSON_TEXT = st.text(max_size=12)
MESSAGES = st.lists(st.builds(message, st.sampled_from(["system", "user"]), JSON_TEXT), max_size=4)


@given(before=MESSAGES, after=MESSAGES)
def test_bodies_that_differ_have_a_hunk_and_equal_ones_none(
    before: list[object], after: list[object]
) -> None:
    assert bool(lines_between(before, after)) == (before != after)


@given(before=st.lists(JSON_TEXT), after=st.lists(JSON_TEXT))
def test_a_hunk_holds_the_lines_that_went_and_came(before: list[str], after: list[str]) -> None:
    old, new = "\n".join(before), "\n".join(after)
    found = lines_between([message("user", old)], [message("user", new)])
    lines = [line for _, each in found for line in each]
    went, came = (sorted(line[1:] for line in lines if line.startswith(sign)) for sign in "-+")
    common = sorted(old.split("\n"))
    for line in went:
        common.remove(line)
    assert sorted([*common, *came]) == sorted(new.split("\n"))


@given(order=st.permutations(range(5)))
def test_bodies_are_paired_whatever_the_order_of_the_cases(order: list[int]) -> None:
    def text(numbers: list[int], tone: str) -> dict[str, str]:
        cases = "".join(f"  - {{id: c{number}, vars: {{ticket: t{number}}}}}\n" for number in numbers)
        return {FILE: PROMPT.partition("tests:")[0].replace("brief", tone) + f"tests:\n{cases}"}

    base, head = side(text(list(range(5)), "brief")), side(text(list(order), "kind"))
    keys = {(FILE, f"c{number}", None) for number in range(0, 5, 2)}
    pairs = list(changed_bodies(base, head, keys))
    assert {key for key, _, _ in pairs} == keys
    for key, before, after in pairs:
        assert before["messages"][1] == after["messages"][1] == message("user", f"t{key[1][1]}")  # type: ignore[index, call-overload]
    assert len(grouped_hunks(pairs)) == 1


# --- for `runner test --base` ---------------------------------------------------------------------------------------


@pytest.fixture
def git(tmp_path: Path) -> GitFolder:
    git = GitFolder(tmp_path)
    git.write(FILE, PROMPT)
    git.commit()
    return git


def changed_since(git: GitFolder, base: str, *files: str) -> set[tuple[str, str, str | None]]:
    tree = DiskTree(git.folder)
    prompts = [load_prompt(file, tree) for file in files]
    return changed_cases(load_project_from(tree, git.folder, environ={}), prompts, base, environ={})


def test_changed_cases_are_those_to_be_asked_again(git: GitFolder) -> None:
    git.write(FILE, PROMPT.replace("first", "other") + "  - {id: new, vars: {ticket: x}}\n")
    assert changed_since(git, "main", FILE) == {(FILE, "one", None), (FILE, "new", None)}


def test_nothing_changed_since_itself(git: GitFolder) -> None:
    assert changed_since(git, "HEAD", FILE) == set()


def test_cases_of_a_renamed_prompt_are_not_asked_again(git: GitFolder) -> None:
    (git.folder / FILE).unlink()
    git.write("new.prompt.yaml", PROMPT)
    assert changed_since(git, "main", "new.prompt.yaml") == set()


def test_an_unknown_base_is_a_usage_error(git: GitFolder) -> None:
    with pytest.raises(UsageError, match="there is no revision nowhere"):
        changed_since(git, "nowhere", FILE)
