"""Untrusted tables: a workbook or a Parquet file that a stranger made is bounded, complete or refused."""

from __future__ import annotations

import io
import zipfile

import pyarrow
import pyarrow.parquet
import pytest

from runner.errors import CaseError
from runner.files.rows import read_rows
from tests.cli.asking import run
from tests.cli.project import ProjectFolder
from tests.faults import FaultServer

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def relations(*kinds: tuple[str, str]) -> str:
    entries = "".join(
        f'<Relationship Id="r{index}" Type="{DOCUMENT}/{kind}" Target="{target}"/>'
        for index, (kind, target) in enumerate(kinds)
    )
    return f'<Relationships xmlns="{PACKAGE}">{entries}</Relationships>'


def workbook(
    rows: str,
    *,
    strings: str = "",
    before: str = "",
    target: str = "worksheets/sheet1.xml",
    sheets: int = 1,
    more: dict[str, bytes] | None = None,
) -> bytes:
    listed = "".join(f'<sheet name="S{index}" sheetId="{index + 1}" r:id="r0"/>' for index in range(sheets))
    parts = {
        "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            ("worksheet", target), ("sharedStrings", "sharedStrings.xml")
        ),
        "xl/worksheets/sheet1.xml": f'{before}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{strings}</sst>',
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        for name, content in (more or {}).items():
            archive.writestr(name, content)
    return data.getvalue()


def row(text: str, number: int = 2) -> str:
    return f'<row r="{number}">{cell(f"A{number}", text)}</row>'


def shared(index: object) -> str:
    return f'<row r="2"><c r="A2" t="s"><v>{index}</v></c></row>'


def values(data: bytes, name: str = "r.xlsx") -> list[object]:
    return [each.value["name"] for each in read_rows(data, name)]


EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (workbook(HEADER + row("x"), more={"xl/media/a.bin": bytes(20 << 20)}), "when unpacked, more than 100 times"),
        (workbook(HEADER + row("x", 99_999_999)), 'this row is followed by a row with the number "99999999"'),
        (workbook(HEADER + row("x", 1_048_577)), 'this row is followed by a row with the number "1048577"'),
        (workbook(HEADER + f'<row r="2">{"<c/>" * 16_385}</row>'), 'a cell with the reference "16385"'),
        (workbook(HEADER + f'<row r="2">{cell("ZZZ2", "x")}</row>'), 'a cell with the reference "ZZZ2"'),
        (workbook(f"{'<a>' * 100}{'</a>' * 100}"), "nested too deeply"),
        (workbook(HEADER + row("x"), sheets=2), "two sheets of the workbook are the same part"),
        (workbook(HEADER + row("&a;"), before=EXTERNAL), "has a document type"),
        (workbook(HEADER + row("&b;"), before=LAUGHS), "has a document type"),
        (workbook(HEADER, target="/etc/passwd"), 'the part "etc/passwd" of the workbook is missing'),
        (workbook(HEADER, target="../../../etc/passwd"), 'the part "etc/passwd" of the workbook is missing'),
        (workbook(HEADER, target="http://evil.example/s.xml"), "of the workbook is missing"),
        (workbook(HEADER + row("x") + row("y")), 'this row is followed by a row with the number "2"'),
        (workbook(HEADER + row("x") + row("y", 1)), 'this row is followed by a row with the number "1"'),
        (workbook(HEADER + f'<row r="2">{cell("A2", "x")}{cell("A2", "y")}</row>'), 'a cell with the reference "A2"'),
        (workbook(HEADER + f'<row r="2">{cell("A3", "x")}</row>'), 'a cell with the reference "A3"'),
        (workbook(HEADER + shared(-1), strings="<si><t>a</t></si>"), '"-1" is not a valid value for a cell of type "s"'),
        (workbook(HEADER + shared(1), strings="<si><t>a</t></si>"), '"1" is not a valid value for a cell of type "s"'),
        (workbook(HEADER + '<row><c t="b"><v>7</v></c></row>'), '"7" is not a valid value for a cell of type "b"'),
        (workbook(HEADER + "<row><c><v>1e999</v></c></row>"), '"1e999" is not a valid value for a cell of type "n"'),
        (workbook(HEADER + '<row><c t="x"><v>1</v></c></row>'), '"1" is not a valid value for a cell of type "x"'),
        (workbook(HEADER + "<row><c><f>WEBSERVICE(A1)</f></c></row>"), "is not stored in the file"),
        (workbook(HEADER + '<row><c><f t="shared" si="0"/></c></row>'), "is not stored in the file"),
        (workbook(HEADER + "<row><c>"), "is not XML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), "this is not an XLSX workbook"),
    ],
    ids=[
        "bomb", "gap", "rows", "columns", "far column", "deep", "one part twice", "external entity", "entities",
        "absolute path", "parent path", "url", "row twice", "row back", "cell twice", "cell of another row",
        "negative index", "index", "boolean", "infinity", "type", "formula", "shared formula", "cut", "encrypted",
    ],
)  # fmt: skip
def test_a_workbook_that_no_program_writes_is_refused_and_no_row_of_it_is_lost(
    data: bytes, message: str
) -> None:
    with pytest.raises(CaseError) as caught:
        values(data)
    assert message in caught.value.message
    assert caught.value.location is not None


def test_a_text_that_many_cells_share_is_bounded_by_the_size_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runner.files.xlsx_package.most_text", lambda _: 1000)
    many = "".join(f'<row><c t="s"><v>{index % 2}</v></c></row>' for index in range(20))
    with pytest.raises(CaseError, match="far more text than the file"):
        values(workbook(HEADER + many, strings=f"<si><t>{'a' * 300}</t></si><si><t>{'b' * 300}</t></si>"))


def test_a_row_of_a_workbook_may_be_as_long_as_a_line() -> None:
    cells = '<c t="s"><v>0</v></c>' * 300
    with pytest.raises(CaseError, match="the row is longer than 20 MiB"):
        values(workbook(HEADER + f"<row>{cells}</row>", strings=f"<si><t>{'a' * 100_000}</t></si>"))


def test_an_escape_in_a_workbook_stays_the_text_that_the_author_typed() -> None:
    strings = "<si><t>_x005F_x0041_</t></si><si><t>hex005F_b</t></si><si><r><t>a</t></r><r><t> b</t></r></si>"
    rows = "".join(f'<row><c t="s"><v>{index}</v></c></row>' for index in range(3))
    assert values(workbook(HEADER + rows, strings=strings)) == ["_x0041_", "hex005F_b", "a b"]


def test_a_stored_empty_text_of_a_formula_is_an_empty_cell() -> None:
    data = workbook(HEADER + '<row><c t="str"><f>""</f><v></v></c></row>' + row("x", 3))
    assert values(data) == ["x"]


def parquet(**columns: object) -> bytes:
    data = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), data, compression="zstd")
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (parquet(name=["x" * (20 << 20)]), "when unpacked, more than 100 times as many"),
        (
            parquet(name=pyarrow.array([[0] * (17 << 20)], type=pyarrow.list_(pyarrow.int8()))),
            "when unpacked",
        ),
        (parquet(name=pyarrow.array([2**62], type=pyarrow.timestamp("us"))), "date value out of range"),
        (parquet(name=pyarrow.array([2**62], type=pyarrow.timestamp("us", tz="No/Where"))), "cannot be read"),
    ],
    ids=["text", "list", "far date", "unknown zone"],
)
def test_a_parquet_file_that_is_far_larger_unpacked_or_has_no_json_is_refused(
    data: bytes, message: str
) -> None:
    with pytest.raises(CaseError) as caught:
        values(data, "r.parquet")
    assert message in caught.value.message


def test_a_text_that_many_rows_of_a_parquet_file_share_is_bounded_by_the_size_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runner.files.parquet_rows.most_text", lambda _: 1000)
    with pytest.raises(CaseError, match="the rows up to row 4 have far more text than the file"):
        values(parquet(name=["a" * 300] * 20), "r.parquet")


@pytest.mark.parametrize("name", ["r.xlsx", "r.parquet"])
def test_a_hostile_table_ends_run_and_check_with_an_error_and_nothing_is_sent(
    asked: ProjectFolder, server: FaultServer, name: str
) -> None:
    data = workbook(HEADER + row("x", 99_999_999)) if name == "r.xlsx" else parquet(name=["x" * (20 << 20)])
    (asked.folder / "prompts" / name).write_bytes(data)
    done = run(asked, "prompts/hello.prompt.yaml", "--input", f"prompts/{name}")
    assert done.code == 2
    assert f"prompts/{name}" in done.err
    asked.write(
        "prompts/hello.prompt.yaml",
        "model: m\ninputs: {name: {type: string}}\n"
        f"messages: [{{role: user, content: '{{{{ name }}}}'}}]\ntests: [{{file: {name}}}]\n",
    )
    done = asked.run("check")
    assert done.code == 2
    assert f"prompts/{name}" in done.err + done.out
    assert server.requests == []
