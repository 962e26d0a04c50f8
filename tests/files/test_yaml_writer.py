"""A text as a YAML scalar is that text in every version of YAML."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from runner.documents.yaml_reader import parse_yaml
from runner.documents.yaml_writer import quoted, scalar

WORDS = ["yes", "No", "ON", "off", "y", "N", "null", "Null", "true", "FALSE"]
# Texts without surrogates, which no file can hold.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(WORDS)


def readings(text: str) -> list[object]:
    whole = f"{{a: {text}}}"
    return [
        parse_yaml(whole, "x").value,
        yaml.load(whole, yaml.CSafeLoader),
        yaml.load(whole, yaml.SafeLoader),
    ]


@given(TEXTS)
@example("1" * 40)
@example("1e5" + "0" * 37)
@example("1.2.3")
@example("\x85\u2028\U000e0001")
def test_a_text_comes_back_from_every_reader(text: str) -> None:
    assert readings(scalar(text)) == [{"a": text}] * 3
    assert readings(quoted(text)) == [{"a": text}] * 3
    assert quoted(text).isprintable()


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_some_yaml_is_quoted_whatever_its_place_allows(word: str) -> None:
    assert scalar(word, re.compile(r".*")) == f'"{word}"'


@pytest.mark.parametrize(
    "text", ["support", "./packs/a.yaml", "1.2.3-rc.1", "v2", "0" * 20 + "ab" * 10, "a:b"]
)
def test_names_paths_versions_and_commits_need_no_quotes(text: str) -> None:
    assert scalar(text) == text
