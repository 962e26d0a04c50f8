"""runner.yaml is edited by hand and by `runner pack`: neither spoils what the other wrote."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.packs.project_edit import entry_lines, with_entry, with_value, without_pack, without_setting

ENTRY = {"git": "https://github.com/acme/prompts.git", "rev": "v1.4.0"}
LINES = "  support:\n    git: https://github.com/acme/prompts.git\n    rev: v1.4.0\n"
OTHER = "  house: {path: ../house}   # ours\n"

ADDED = {
    "nothing": ("", f"packs:\n{LINES}"),
    "a comment": ("# ours\n", f"# ours\npacks:\n{LINES}"),
    "no line end": ("version: 1", f"version: 1\npacks:\n{LINES}"),
    "other keys": ("version: 1 # one\n\n# the end\n", f"version: 1 # one\npacks:\n{LINES}\n# the end\n"),
    "another pack": (
        f"packs:\n  # shared\n{OTHER}\n# after\nendpoint: local\n",
        f"packs:\n  # shared\n{OTHER}{LINES}\n# after\nendpoint: local\n",
    ),
    "a pack over several lines": (
        "packs:\n    house:\n        path: ../house # ours\nendpoint: local\n",
        (
            "packs:\n    house:\n        path: ../house # ours\n    support:\n      git: https://github.com/acme/prompts.git\n"
            "      rev: v1.4.0\nendpoint: local\n"
        ),
    ),
    "packs in brackets": (
        "packs: {house: {path: ../house}} # ours\n",
        "packs: {house: {path: ../house}, support: {git: https://github.com/acme/prompts.git, rev: v1.4.0}} # ours\n",
    ),
}


@pytest.mark.parametrize("name", ADDED)
def test_an_entry_is_added_and_every_other_character_stays(name: str) -> None:
    before, after = ADDED[name]
    assert with_entry(before, "support", ENTRY) == after


@pytest.mark.parametrize(
    "text",
    [
        "{version: 1}\n",
        "packs: &p\n  a: {path: x}\nx-copy: *p\n",
        "packs: [\n",
        "version: 1\nversion: 1\n",
        "- a\n",
    ],
)
def test_what_cannot_be_edited_safely_is_not(text: str) -> None:
    assert with_entry(text, "support", ENTRY) is None


REMOVED = {
    "the only one": (f"version: 1\npacks:\n{LINES}endpoint: local\n", "version: 1\nendpoint: local\n"),
    "with comments": (
        f"# first\npacks:\n  # shared\n{LINES}    # why\n  # below\n{OTHER}",
        f"# first\npacks:\n  # shared\n    # why\n  # below\n{OTHER}",
    ),
    "comments inside": (
        f"packs:\n{OTHER}  support:\n    # pinned for the audit\n    git: https://github.com/acme/prompts.git\n    rev: v1.4.0\n",
        f"packs:\n{OTHER}    # pinned for the audit\n",
    ),
    "the first in brackets": ("packs: {support: {path: x}, b: {path: y}}\n", "packs: {b: {path: y}}\n"),
    "the last in brackets": (
        "packs: {b: {path: y}, support: {path: x}} # two\n",
        "packs: {b: {path: y}} # two\n",
    ),
    "nothing else in the file": ("packs: {support: {path: x}}\n", ""),
}


@pytest.mark.parametrize("name", REMOVED)
def test_an_entry_is_removed_and_comments_of_their_own_stay(name: str) -> None:
    before, after = REMOVED[name]
    assert without_pack(before, "support") == after


@pytest.mark.parametrize(
    "text",
    [
        "packs: {support: {path: x}, # why\n  b: {path: y}}\n",
        "packs:\n  support: &s {path: x}\n  b: *s\n",
        "packs:\n  b: {path: y}\n",
    ],
)
def test_what_cannot_be_removed_safely_is_not(text: str) -> None:
    assert without_pack(text, "support") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "packs:\n  support:\n    rev: v1.0.0   # audited\n    git: x\n",
            "packs:\n  support:\n    rev: v2.0.0   # audited\n    git: x\n",
        ),
        ("packs: {support: {git: x, rev: 'v1.0.0'}}\n", "packs: {support: {git: x, rev: v2.0.0}}\n"),
        ("packs: {support: {git: x}}\n", None),
        ("packs: {support: {git: x, rev: &r v1}, b: {git: x, rev: *r}}\n", None),
    ],
)
def test_a_value_is_replaced_in_its_place(before: str, after: str | None) -> None:
    assert with_value(before, "support", "rev", "v2.0.0") == after


def test_a_value_that_yaml_would_take_for_another_is_quoted() -> None:
    text = with_value("packs: {support: {git: x, rev: v1}}\n", "support", "rev", "1.10")
    assert text is not None
    assert yaml.safe_load(text)["packs"]["support"]["rev"] == "1.10"


def test_a_setting_is_taken_out() -> None:
    before = "packs:\n  support:\n    path: x # here\n    vendored: false\n  b: {vendored: false, path: y}\n"
    assert (
        without_setting(before, "support", "vendored")
        == "packs:\n  support:\n    path: x # here\n  b: {vendored: false, path: y}\n"
    )
    assert (
        without_setting(before, "b", "vendored")
        == "packs:\n  support:\n    path: x # here\n    vendored: false\n  b: {path: y}\n"
    )


def test_the_lines_for_a_person_are_those_of_the_file() -> None:
    assert entry_lines("support", {**ENTRY, "vendored": False}, 2) == f"{LINES}    vendored: false"


comments = st.sampled_from(["", "  # note", "\n# note\n", "\n\n", "\n  # indented"])
aliases = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,4}", fullmatch=True), unique=True, min_size=1, max_size=4)


@settings(max_examples=60)
@given(aliases, st.lists(comments, min_size=9, max_size=9), st.booleans())
def test_what_is_added_and_removed_again_leaves_the_file_as_it_was(
    names: list[str], notes: list[str], flow: bool
) -> None:
    texts = iter(notes)
    new, *others = names
    lines = [f"version: 1{next(texts)}"]
    if others:
        lines.append(f"packs:{next(texts)}")
        for name in others:
            source = "{path: ../x}" if flow else "\n    path: ../x"
            lines.append(f"  {name}: {source}{next(texts)}")
    text = "\n".join([*lines, f"endpoint: local{next(texts)}", ""])
    added = with_entry(text, new, ENTRY)
    assert added is not None
    assert yaml.safe_load(added)["packs"][new] == ENTRY
    assert without_pack(added, new) == text
