"""Assertions that an earlier import kept are converted later, and nothing else in the prompt file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.importing.again import convert_again
from runner.importing.ledger import Ledger
from runner.importing.sources import Folder

from .support import of_text

HEAD = """\
# written by hand
model: m
inputs: {a: {default: ""}}
messages: [{role: user, content: "{{ a }}"}]
x-import:
  version: 1
  from: promptfoo
  source: promptfooconfig.yaml
  lost:
"""
RUBRIC = """\
    - at: promptfooconfig.yaml:6:47
      code: I502
      assert: {type: llm-rubric, value: is polite, provider: openai:j}
"""
OF_FIRST = """\
    - at: promptfooconfig.yaml:7:1
      case: first
      code: I503
      assert:
        type: javascript
        value: |
          const d = JSON.parse(output);
          return d.xs.some(x => x === '{{a}}');
"""
NO_JUDGE = """\
    - at: promptfooconfig.yaml:8:1
      case: first
      code: I502
      assert: {type: select-best, value: x}
"""
TESTS = """\
tags: [import-incomplete]
tests:
  - id: first   # mine
    vars: {a: "1"}
    tags:
      - mine
      - import-incomplete
"""


def again(tmp_path: Path, text: str) -> tuple[str, Ledger]:
    (tmp_path / "a.prompt.yaml").write_text(text, encoding="utf-8")
    ledger = Ledger()
    return convert_again("a.prompt.yaml", Folder(tmp_path), ledger), ledger


def test_what_can_be_converted_moves_from_the_block_to_its_place(tmp_path):
    made, ledger = again(tmp_path, HEAD + RUBRIC + OF_FIRST + TESTS)
    assert made == (
        HEAD.replace("  lost:\n", "  lost: []\n")
        + """\
tests:
  - id: first   # mine
    vars: {a: "1"}
    tags:
      - mine
    assert:
      - type: expr
        value: any((x == "1") for x in (text | fromjson)["xs"])
assert:
  - type: llm-rubric
    value: is polite
    judge:
      model: j
"""
    )
    assert [item.outcome for item in ledger.items()] == ["converted", "converted"]


def test_what_cannot_be_converted_stays_and_so_does_the_tag_of_its_case(tmp_path):
    made, ledger = again(tmp_path, HEAD + OF_FIRST + NO_JUDGE + TESTS)
    assert NO_JUDGE in made
    assert OF_FIRST not in made
    assert made.count("import-incomplete") == 2
    assert [item.code for item in ledger.items() if item.outcome == "lost"] == ["I502"]


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (RUBRIC.replace("I502", "I502\n      case: gone"), "there is no test gone any more"),
        (
            RUBRIC.replace("I502", "I502\n      beside: {transform: output.trim()}"),
            "not in the prompt file: transform",
        ),
        (
            RUBRIC.replace("I502", "I502\n      beside: {rubricPrompt: true}"),
            "not in the prompt file: rubricPrompt",
        ),
        (
            RUBRIC.replace("llm-rubric", "contains").replace("is polite", "'{{ b | x }}'"),
            "more than variables",
        ),
    ],
)
def test_what_depends_on_more_than_the_file_has_stays(tmp_path, kept, why):
    made, ledger = again(tmp_path, HEAD + kept + TESTS)
    assert made == HEAD + kept + TESTS
    assert [why in str(item.why) for item in ledger.items()] == [True]


def test_the_blocks_of_other_sources_stay(tmp_path):
    text = (HEAD + RUBRIC + TESTS).replace("from: promptfoo", "from: openai-evals")
    made, ledger = again(tmp_path, text)
    assert made == text
    assert [item.outcome for item in ledger.items()] == ["lost"]


def test_a_layout_that_cannot_be_edited_stays(tmp_path):
    text = HEAD + OF_FIRST + "tests: [{id: first, vars: {a: '1'}}]\n"
    made, ledger = again(tmp_path, text)
    assert made == text
    assert ["by hand" in str(item.why) for item in ledger.items()] == [True]


def test_what_an_import_keeps_is_found_again_also_without_an_id_and_with_the_settings_beside_it(tmp_path):
    found = of_text(
        tmp_path,
        "promptfoo",
        "promptfooconfig.yaml",
        "prompts: ['{{a}}']\nproviders: [openai:m]\ndefaultTest: {options: {provider: 'openai:j', transform: fetch(output)}}\n"
        "tests: [{vars: {a: x}, assert: [{type: llm-rubric, value: y}]}]\n",
    )
    (tmp_path / "a.prompt.yaml").write_bytes(found.files[0].data)
    text = found.files[0].data.decode()
    assert "beside:" in text
    made, ledger = again(tmp_path, text)
    assert made == text
    assert ["not in the prompt file: transform" in str(item.why) for item in ledger.items()] == [True]
