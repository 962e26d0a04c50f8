"""Cases from inline tests and from files of rows: bound, named, unique, and read as they are asked for."""

from __future__ import annotations

import gc
import json
import tracemalloc
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import CaseError, Location, Problems, RunnerError
from runner.files import case_ids
from runner.files.case_ids import CaseIds, case_id
from runner.files.cases import case_from_vars, cases_from_file, cases_of, vars_from_text
from runner.files.disk.tree import MemoryTree
from runner.files.model import Case, CaseFile, Prompt
from runner.files.prompt import load_prompt

HERE = Location("--var")
INPUTS = """\
inputs:
  ticket: {type: string}
  n: {type: integer, default: 1}
  ratio: {type: number, default: 0}
  urgent: {type: boolean, default: false}
  tags: {type: array, items: {type: string}, default: []}
  extra: {type: object, default: {}}
  score: {type: [integer, "null"], default: null}
"""


def prompt(tests: str = "", inputs: str = INPUTS, **files: str) -> Prompt:
    text = inputs + "messages: [{role: user, content: '{{ ticket }}'}]\n" + tests
    tree = {"p.prompt.yaml": text, **files}
    return load_prompt("p.prompt.yaml", MemoryTree({name: each.encode() for name, each in tree.items()}))


def rows(name: str, text: str, **options) -> list[Case]:
    loaded = prompt(f"tests: [{{file: {name}}}]\n", **options, **{name: text})
    return list(cases_of(loaded))


def refusal(name: str, text: str, **options) -> list[str]:
    with pytest.raises(RunnerError) as caught:
        rows(name, text, **options)
    return [
        str(error)
        for error in (caught.value.errors if isinstance(caught.value, Problems) else [caught.value])
    ]


def as_input(text: str, name: str = "in.jsonl", inputs: str = INPUTS) -> list[Case]:
    loaded = prompt(inputs=inputs, **{name: text})
    return list(cases_from_file(loaded, CaseFile(name, name, Location(name)), repeats_allowed=True))


# --- reading --------------------------------------------------------------------------------------------------


def test_inline_cases_and_rows_come_in_the_order_of_tests():
    loaded = prompt(
        "tests:\n  - {id: a, vars: {ticket: x}}\n  - file: r.jsonl\n  - {id: z, vars: {ticket: x}}\n",
        **{"r.jsonl": '{"vars": {"ticket": "x"}, "id": "m"}\n{"ticket": "y"}\n'},
    )
    assert [case.id for case in cases_of(loaded)] == ["a", "m", case_id({"ticket": "y"}), "z"]


def test_a_row_with_vars_is_a_case_and_any_other_row_is_the_variables():
    text = (
        '{"id": "a", "vars": {"ticket": "x"}, "assert": [{"type": "contains", "value": "q"}], "outcome": "refused",'
        ' "tags": ["t"], "description": "d"}\n{"ticket": "y"}\n'
    )
    case, plain = rows("r.jsonl", text)
    assert (case.id, case.vars["ticket"], case.outcome, case.tags, case.description) == (
        "a",
        "x",
        "refused",
        ("t",),
        "d",
    )
    assert case.asserts[0].spec == {"type": "contains", "value": "q"}
    assert str(case.asserts[0].location) == "r.jsonl:1:49"
    assert (plain.vars["ticket"], plain.outcome, plain.asserts) == ("y", None, ())


def test_without_vars_id_is_a_variable():
    (case,) = rows("r.jsonl", '{"id": "A 1"}\n', inputs="inputs: {id: {type: string}}\n")
    assert case.vars == {"id": "A 1"}
    assert case.id == case_id({"id": "A 1"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.jsonl", '\n{"ticket": "a\\nb", "n": 2}\r\n\n'),
        ("r.csv", 'ticket,n\r\n"a\r\nb",2\r\n\r\n'),
        ("r.yaml", '- {ticket: "a\\nb", n: 2}\n'),
        ("r.yml", "- ticket: |-\n    a\n    b\n  n: 2\n"),
        ("r.json", '[{"ticket": "a\\nb", "n": 2}]'),
    ],
)
def test_every_kind_of_file_gives_the_same_case(name, text):
    (case,) = rows(name, text)
    assert {key: case.vars[key] for key in ("ticket", "n", "urgent")} == {
        "ticket": "a\nb",
        "n": 2,
        "urgent": False,
    }


def test_a_byte_order_mark_is_no_part_of_a_header():
    (case,) = rows("r.csv", "\ufeffticket\nx\n")
    assert case.vars["ticket"] == "x"


def test_cases_know_their_line():
    cases = rows("r.csv", 'ticket\na\n\n"b\nc"\nd\n')
    assert [str(case.location) for case in cases] == ["r.csv:2", "r.csv:4", "r.csv:6"]


def test_rows_are_read_as_they_are_asked_for():
    text = '{"ticket": "a"}\nthis is no JSON\n'
    loaded = prompt("tests: [{file: r.jsonl}]\n", **{"r.jsonl": text})
    assert [case.vars["ticket"] for case in islice(cases_of(loaded), 1)] == ["a"]


def test_an_input_anywhere_on_disk_is_read_as_a_stream(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"ticket": "a"}\n')
    (case,) = cases_from_file(prompt(), CaseFile(str(path), "../rows.jsonl", HERE), repeats_allowed=True)
    assert (case.vars["ticket"], str(case.location)) == ("a", "../rows.jsonl:1:1")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        file.writelines(f'{{"ticket": "{"x" * 1000}{number}"}}\n' for number in range(3000))
    loaded = prompt(inputs="")
    gc.collect()
    tracemalloc.start()
    count = sum(1 for _ in cases_from_file(loaded, CaseFile(str(path), "rows.jsonl", HERE)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3000
    assert peak < 1_500_000  # the file has 3 MB


# --- text becomes values --------------------------------------------------------------------------------------


def test_cells_are_read_as_the_declared_type_and_as_nothing_else():
    text = 'ticket,n,ratio,urgent,tags,extra,score\n5,-2,1e-3,true,"[""a""]","{""k"": 1}",\n'
    (case,) = rows("r.csv", text)
    assert case.vars == {
        "ticket": "5", "n": -2, "ratio": 0.001, "urgent": True, "tags": ["a"], "extra": {"k": 1}, "score": None,
    }  # fmt: skip


def test_without_inputs_cells_stay_strings():
    (case,) = rows("r.csv", "a,b\n1,true\n", inputs="")
    assert case.vars == {"a": "1", "b": "true"}


def test_an_empty_cell_is_an_empty_string():
    (case,) = rows("r.csv", 'ticket,n\n"",3\n')
    assert case.vars["ticket"] == ""


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("n", "3.5", 'an integer, got "3.5"'), ("n", " 3", 'an integer, got " 3"'), ("n", "0x1", 'an integer, got "0x1"'),
        ("n", "", "an integer, got nothing"), ("n", "٣", 'an integer, got "٣"'), ("ratio", "1,5", 'a number, got "1,5"'),
        ("ratio", "nan", 'a number, got "nan"'), ("ratio", "1e999", 'a number, got "1e999"'),
        ("urgent", "yes", 'a boolean, got "yes"'), ("urgent", "1", 'a boolean, got "1"'),
        ("tags", "a", 'a list as JSON, got "a"'), ("tags", "{}", 'a list as JSON, got "{}"'),
        ("extra", '{"a": 1, "a": 2}', 'an object as JSON, got "{\\"a\\": 1, \\"a\\": 2}"'),
        ("score", "x", 'an integer or null, got "x"'),
    ],
)  # fmt: skip
def test_text_of_another_type_is_refused(name, text, wanted):
    with pytest.raises(CaseError) as caught:
        vars_from_text(prompt(), {name: text}, location=HERE)
    assert str(caught.value) == f"--var: {name}: expected {wanted}"


@given(
    st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
)
def test_what_json_writes_is_read_back(value):
    name = {int: "n", float: "ratio", bool: "urgent"}[type(value)]
    assert vars_from_text(_PROMPT, {name: json.dumps(value)}, location=HERE) == {name: value}


_PROMPT = prompt()


def test_case_from_vars_reads_strings_only_when_asked():
    assert case_from_vars(prompt(), {"ticket": "x", "n": "3"}, location=HERE, coerce=True).vars["n"] == 3
    with pytest.raises(CaseError, match='--var: n: expected integer, got string "3"'):
        case_from_vars(prompt(), {"ticket": "x", "n": "3"}, location=HERE)


def test_case_from_vars_tells_all_that_is_off():
    with pytest.raises(Problems) as caught:
        case_from_vars(prompt(), {"tag": [], "n": "x"}, location=HERE)
    assert sorted(str(error) for error in caught.value.errors) == [
        '--var: "tag" is not a declared variable (did you mean "tags"?)',
        '--var: n: expected integer, got string "x"',
        '--var: the variable "ticket" is missing (give it a value, or a default under inputs)',
    ]


def test_case_from_vars_refuses_an_id_that_is_none():
    with pytest.raises(CaseError, match='--var: id is not valid: "A"'):
        case_from_vars(prompt(), {"ticket": "x"}, location=HERE, id="A")


# --- ids ------------------------------------------------------------------------------------------------------


def test_an_id_is_made_of_the_canonical_variables():
    # sha256 of {"a":1,"b":[true]}
    assert case_id({"b": [True], "a": 1.0}) == case_id({"a": 1, "b": [True]}) == "case-90eddf64"


def test_equal_rows_in_tests_are_refused_and_both_named():
    assert refusal("r.jsonl", '{"ticket": "a", "n": 1}\n{"ticket": "b"}\n{"n": 1.0, "ticket": "a"}\n') == [
        "r.jsonl:3:1: row 3 has the same variables as r.jsonl:1:1 (remove one of them, or give both an id)"
    ]


def test_equal_rows_with_ids_are_two_cases():
    cases = rows("r.jsonl", '{"vars": {"ticket": "a"}, "id": "x"}\n{"vars": {"ticket": "a"}, "id": "y"}\n')
    assert [case.id for case in cases] == ["x", "y"]


def test_an_id_given_twice_is_refused_and_both_named():
    text = '{"vars": {"ticket": "a"}, "id": "x"}\n\n{"vars": {"ticket": "b"}, "id": "x"}\n'
    assert refusal("r.jsonl", text) == [
        'r.jsonl:3:1: row 2: the id "x" is already used at r.jsonl:1:1 (snapshots and results are stored by id: choose another one)'
    ]


def test_ids_are_unique_across_the_files_of_a_prompt():
    loaded = prompt(
        "tests: [{file: a.csv}, {file: b.jsonl}, {file: c.jsonl}]\n",
        **{"a.csv": "ticket\nq\n", "b.jsonl": '{"ticket": "r"}\n', "c.jsonl": '{"ticket": "q"}\n'},
    )
    with pytest.raises(CaseError) as caught:
        list(cases_of(loaded))
    assert caught.value.message == "row 1 has the same variables as a.csv:2"


def test_equal_rows_of_an_input_are_counted():
    name = case_id({"ticket": "a"})
    cases = as_input('{"ticket": "a"}\n{"ticket": "b"}\n{"ticket": "a"}\n{"ticket": "a"}\n')
    assert [case.id for case in cases] == [name, case_id({"ticket": "b"}), f"{name}-2", f"{name}-3"]


def test_an_id_given_twice_is_refused_in_an_input_too():
    with pytest.raises(CaseError, match=r'row 2: the id "x" is already used at in\.jsonl:1:1'):
        as_input('{"vars": {"ticket": "a"}, "id": "x"}\n{"vars": {"ticket": "a"}, "id": "x"}\n')


def test_different_variables_with_the_same_short_id_take_a_longer_one():
    ids = CaseIds()
    first, second = (
        Case("case-aaaaaaaa", {}, Location("f", line), digest="a" * 8 + end * 56)
        for line, end in ((1, "0"), (2, "1"))
    )
    assert ids.claim(first, "row 1").id == "case-aaaaaaaa"
    assert ids.claim(second, "row 2").id == "case-aaaaaaaa11111111"
    with pytest.raises(CaseError, match="row 3 has the same variables as f:2"):
        ids.claim(second, "row 3")


@given(
    st.lists(
        st.tuples(st.sampled_from(["a.csv", "b.csv"]), st.integers(1, 10**6), st.integers(1, 10**5)),
        min_size=1,
        max_size=20,
        unique=True,
    )
)
def test_the_first_place_of_an_id_is_never_forgotten(places):
    ids = CaseIds()
    for index, place in enumerate(places):
        ids.claim(Case(f"c{index}", {}, Location(*place)), "row")
    for index, place in enumerate(places):
        with pytest.raises(CaseError) as caught:
            ids.claim(Case(f"c{index}", {}, Location("z")), "row")
        assert caught.value.message == f'row: the id "c{index}" is already used at {Location(*place)}'


def test_ids_stay_the_same_when_rows_move():
    lines = [f'{{"ticket": "{number}"}}\n' for number in range(20)]
    forth, back = rows("r.jsonl", "".join(lines)), rows("r.jsonl", "".join(reversed(lines)))
    assert {case.id: case.vars for case in forth} == {case.id: case.vars for case in back}


def test_the_ids_module_names_what_it_offers():
    assert set(case_ids.__all__) == {"CaseIds", "case_id", "digest_of"}


# --- what is refused ------------------------------------------------------------------------------------------

WRONG_ROWS = {
    "no mapping": ("r.jsonl", '{"ticket": "a"}\n[1]\n', 'r.jsonl:2:1: row 2 is not an object of variables (a row is e.g. {"ticket": "..."})'),
    "no list": ("r.yaml", "ticket: a\n", "r.yaml:1:1: a file of rows is a list of objects (begin each row with a dash)"),
    "not a mapping in a list": ("r.json", '[{"ticket": "a"},\n  5]', 'r.json:2:3: row 2 is not an object of variables (a row is e.g. {"ticket": "..."})'),
    "no rows": ("r.jsonl", "\n\n", "r.jsonl:1: the file has no rows (nothing would be tested)"),
    "only a header": ("r.csv", "ticket\n", "r.csv:1: the file has no rows (nothing would be tested)"),
    "no header": ("r.csv", "", "r.csv:1: the header is missing (name the variables on the first line)"),
    "header twice": ("r.csv", "ticket,ticket\na,b\n", 'r.csv:1: the header names "ticket" twice'),
    "header without name": ("r.csv", "ticket, \na,b\n", "r.csv:1: column 2 of the header has no name"),
    "two delimiters": ("r.csv", "ticket;n,m\na;1,2\n", 'r.csv:1: it is unclear whether commas or semicolons separate the columns of the header (add a first line such as "sep=;", or use --delimiter)'),
    "short row": ("r.csv", "ticket,n\na,1\nb\n", 'r.csv:3: row 2 has 1 cell, the header has 2 (quote cells that contain a comma or a line break: "a, b")'),
    "long row": ("r.csv", "ticket,n\na,1,2\n", 'r.csv:2: row 1 has 3 cells, the header has 2 (quote cells that contain a comma or a line break: "a, b")'),
    "bad quote": ("r.csv", 'ticket\n"a"b\n', "r.csv:2: row 1 is not CSV: ',' expected after '\"' (write a \" inside quotes twice)"),
    "open quote": ("r.csv", 'ticket\n"a\nb\n', 'r.csv:2: row 1 is not CSV: unexpected end of data (the quote that begins a cell is not closed: write a literal " twice, inside quotes)'),
    "cell of another type": ("r.csv", "ticket,n\na,1\nb,x\n", 'r.csv:3:3: row 2: n: expected an integer, got "x"'),
    "misspelt column": ("r.csv", "ticket,ratoi\na,1\n", 'r.csv:2: row 1: "ratoi" is not a declared variable (did you mean "ratio"?)'),
    "misspelt variable": ("r.jsonl", '{"tickt": "a"}\n', 'r.jsonl:1:2: row 1: "tickt" is not a declared variable (did you mean "ticket"?)'),
    "missing variable": ("r.jsonl", '{"n": 1}\n', 'r.jsonl:1:1: row 1: the variable "ticket" is missing (give it a value, or a default under inputs)'),
    "value inside": ("r.jsonl", '\n{"ticket": "a", "tags": ["b", 1]}\n', "r.jsonl:2:31: row 1: tags[1]: expected string, got number 1"),
    "unknown key of a case": ("r.jsonl", '{"vars": {"ticket": "a"}, "asert": []}\n', 'r.jsonl:1:27: row 1: unknown key "asert" (did you mean "assert"?)'),
    "vars no mapping": ("r.jsonl", '{"vars": "a"}\n', 'r.jsonl:1:10: row 1: vars must be an object, not a string ("a")'),
    "bad id": ("r.yaml", "- id: A\n  vars: {ticket: a}\n", "r.yaml:1:7: row 1: id is not valid: \"A\" (an id consists of lower-case letters, digits, '.', '_' and '-', and begins with a letter or digit)"),
    "variables in a case": ("r.yaml", "- vars: {tickt: a}\n", 'r.yaml:1:10: row 1: "tickt" is not a declared variable (did you mean "ticket"?)'),
    "no JSON": ("r.jsonl", '{"ticket": "a"}\n\n{"ticket": a}\n', "r.jsonl:3:12: "),
    "duplicate key": ("r.jsonl", '{"ticket": "a", "ticket": "b"}\n', "r.jsonl:1:17: "),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_row_that_is_off_is_refused_with_its_number_and_line(name, text, message):
    (told,) = refusal(name, text)
    assert (told[: len(message)] if message.endswith(": ") else told) == message


def test_bytes_that_are_not_utf8_are_told_with_their_line():
    loaded = load_prompt(
        "p.prompt.yaml",
        MemoryTree(
            {
                "p.prompt.yaml": b"messages: [{role: user, content: hi}]\ntests: [{file: r.jsonl}]\n",
                "r.jsonl": b'{"a": "x"}\n{"a": "\xe9"}\n',
            }
        ),
    )
    with pytest.raises(RunnerError) as caught:
        list(cases_of(loaded))
    assert str(caught.value.location) == "r.jsonl:2:8"


def test_an_input_that_is_not_there_is_named(tmp_path):
    missing = CaseFile(str(tmp_path / "no.csv"), "no.csv", HERE)
    with pytest.raises(RunnerError, match=r'no\.csv: "no\.csv" cannot be read: No such file or directory'):
        list(cases_from_file(prompt(), missing))


def test_an_input_of_an_unknown_kind_is_refused():
    with pytest.raises(CaseError) as caught:
        as_input("x", "rows.ods")
    assert (
        str(caught.value)
        == 'rows.ods: "rows.ods" is not a file of rows (one of .jsonl, .ndjson, .csv, .tsv, .yaml, .yml, .json, .xlsx, .parquet)'
    )


def test_an_input_without_rows_gives_no_case():
    assert as_input("") == []
