"""Read the cases of a prompt one by one: inline tests and the rows of files, validated against `inputs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from ..documents.json_reader import parse_json
from ..errors import CaseError, Location, SyntaxFileError
from ..values import Json, JsonPath
from .case_ids import CaseIds, case_id, digest_of
from .expected_values import columns_in, expected_in_case, expected_in_row
from .formats import violations
from .inputs import MAX_COLUMNS, Inputs, compiled, from_text, is_misspelt, takes_blank, takes_null
from .model import AnswerTarget, Assertion, Case, CaseFile, Expectation, Expected, Prompt
from .problems import MOST, ProblemList
from .rows import Row, read_rows
from .violations import FormatViolation, near

__all__ = [
    "case_from_vars",
    "case_id",
    "case_of_row",
    "cases_from_file",
    "cases_of",
    "read_case",
    "vars_from_text",
]


def cases_of(prompt: Prompt) -> Iterator[Case]:
    """Yield all cases of the prompt's `tests` in order, reading lazily.

    Raises CaseError if two cases have the same id (or, without ids, the same variables), naming both places, and for a
    file without rows.
    """
    ids = CaseIds()
    for index, test in enumerate(prompt.tests):
        if isinstance(test, Case):
            yield ids.claim(test, f"tests[{index}]")
        else:
            before = len(ids)
            yield from _cases_from_file(prompt, test, ids)
            if len(ids) == before:
                first = Location(test.shown, 1)
                raise CaseError("the file has no rows", location=first, hint="nothing would be tested")


def cases_from_file(prompt: Prompt, file: CaseFile, *, repeats_allowed: bool = False) -> Iterator[Case]:
    """Yield one case per row. With `repeats_allowed` (an `--input`), equal rows get the suffixes `-2`, `-3`, ...

    Raises CaseError for a row that is not a valid case of this prompt and for a duplicate id;
    SyntaxFileError, EncodingError or MissingFileError for a file that cannot be read.
    """
    return _cases_from_file(prompt, file, CaseIds(repeats_allowed=repeats_allowed))


def _cases_from_file(prompt: Prompt, file: CaseFile, ids: CaseIds) -> Iterator[Case]:
    inputs = None if prompt.inputs is None else compiled(prompt.inputs)
    native = Path(file.path)
    source = (
        native
        if native.is_absolute()
        else prompt.tree.read(file.path, shown=file.shown, location=file.location)
    )
    for row in read_rows(source, file.shown, delimiter=file.delimiter, encoding=file.encoding):
        yield ids.claim(case_of_row(row, inputs, prompt, file, needed=not ids.repeats_allowed), row.label)


def case_of_row(
    row: Row, inputs: Inputs | None, prompt: Prompt, file: CaseFile, *, needed: bool = False
) -> Case:
    """Return the case of a row of a file: `vars` and other keys of a case, or one variable in each column.

    `inputs` are those of the prompt, compiled. `needed`: the row must have the expected values of the prompt's targets.
    Raises CaseError, or Problems with several.
    """
    if "vars" in row.value:
        return read_case(row if row.text is None else _spelt_case(row), inputs, prompt.targets)
    name = None if file.id_column is None else _id_in(row, file.id_column)
    group = None if file.group_column is None else _group_in(row, file.group_column)
    expected = expected_in_row(row, prompt.targets, needed=needed) if prompt.targets else None
    given, others = _split(row.value, prompt, file)
    if row.text is not None and prompt.inputs is not None:
        given = _read_cells(row, given, prompt.inputs)
    elif row.nulls and prompt.inputs is not None:
        given = {
            column: value
            for column, value in given.items()
            if value is not None or takes_null(prompt.inputs.get(column, {}))
        }
    return _case(row, given, (), inputs, id=name, others=others, expected=expected, group=group)


def _split(
    columns: Mapping[str, Json], prompt: Prompt, file: CaseFile
) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    """Return the columns that are variables, and the others, which are carried through to the results.

    A column that looks like a misspelt input is left among the variables, where it is an error; so are more than
    MAX_COLUMNS. Without `inputs`, every column may be a variable, except those of the ids, the groups and the right
    values: only the templates know.
    """
    inputs = prompt.inputs
    named = {file.id_column, file.group_column, *columns_in(prompt.targets)}
    if inputs is None:
        if not named & columns.keys():
            return columns, {}
        return (
            {column: value for column, value in columns.items() if column not in named},
            {column: value for column, value in columns.items() if column in named},
        )
    if columns.keys() <= inputs.keys() or len(columns) - len(inputs) > MAX_COLUMNS:
        return columns, {}
    absent = tuple(name for name in inputs if name not in columns)
    others = {
        column: value
        for column, value in columns.items()
        if column not in inputs and (column in named or not is_misspelt(column, absent))
    }
    return {column: value for column, value in columns.items() if column not in others}, others


def _id_in(row: Row, column: str) -> str:
    """Return the id in a column, in lower case like all ids."""
    if column not in row.value:
        raise CaseError(
            _labelled(row, f'there is no id column "{column}"'),
            location=row.location,
            hint=near(column, row.value) or f"there are {', '.join(row.value)}",
        )
    value = row.value[column]
    name = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else value
    spec: Json = {"id": name.lower() if isinstance(name, str) else name}
    for fault in violations(spec, "prompt", "case"):
        location = row.locate((column,))
        raise CaseError(_labelled(row, f"{column}: {fault.message}"), location=location, hint=fault.hint)
    assert isinstance(name, str)
    return name.lower()


def _group_in(row: Row, column: str) -> str:
    """Return the group in a column."""
    if column not in row.value:
        raise CaseError(
            _labelled(row, f'there is no group column "{column}"'),
            location=row.location,
            hint=near(column, row.value) or f"there are {', '.join(row.value)}",
        )
    value = row.value[column]
    group = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not group.strip():
        raise CaseError(_labelled(row, f"{column} names no group"), location=row.locate((column,)))
    return group


_AS_JSON = ("vars", "assert", "tags", "must_pass", "number", "set", "threshold")


def _spelt_case(row: Row) -> Row:
    """Return a CSV row with the columns of a case: `vars`, `assert` and others contain JSON, empty cells are left out."""
    spec: dict[str, Json] = {}
    for column, text in row.value.items():
        assert isinstance(text, str)
        if not text:
            continue
        spec[column] = text
        if column in _AS_JSON:
            try:
                spec[column] = parse_json(text, "").value
            except SyntaxFileError as error:
                location = row.locate((column,))
                raise CaseError(
                    _labelled(row, f"{column} is not JSON: {error.message}"),
                    location=location,
                    hint=error.hint,
                ) from None
    return row._replace(value={"vars": {}, **spec})


def _read_cells(
    row: Row, given: Mapping[str, Json], schemas: Mapping[str, Mapping[str, Json]]
) -> dict[str, Json]:
    """Return the cells as values of their declared types; an empty cell whose type is not a string is left out."""
    read: dict[str, Json] = {}
    for name, value in given.items():
        assert isinstance(value, str)
        schema = schemas.get(name, {})
        if not value and not takes_blank(schema):
            continue
        try:
            read[name] = from_text(value, schema)
        except ValueError as error:
            raise CaseError(_labelled(row, f"{name}: {error}"), location=row.locate((name,))) from None
    return read


def read_case(
    row: Row, inputs: Inputs | None, targets: Sequence[AnswerTarget] = (), *, checked: bool = False
) -> Case:
    """Read a case as its author wrote it, with the keys of a `case` in the format of prompts.

    `checked` says that the entry is part of a file that has already been validated.

    Raises CaseError at the offending key or value; Problems if there are several.
    """
    spec = row.value
    if not checked:
        _refuse(row, violations(spec, "prompt", "case"))
    given = cast("Mapping[str, Json]", spec.get("vars", {}))
    asserts = cast("Sequence[Mapping[str, Json]]", spec.get("assert", ()))
    return _case(
        row,
        given,
        ("vars",),
        inputs,
        id=cast("str | None", spec.get("id")),
        asserts=tuple(_assertion(row, each, index) for index, each in enumerate(asserts)),
        outcome=cast("Expectation | None", spec.get("outcome")),
        tags=tuple(cast("Sequence[str]", spec.get("tags", ()))),
        description=cast("str | None", spec.get("description")),
        must_pass=spec.get("must_pass") is True,
        expected=expected_in_case(row, targets),
        threshold=cast("float | None", spec.get("threshold")),
        group=cast("str | None", spec.get("group")),
    )


def _assertion(row: Row, spec: Mapping[str, Json], index: int) -> Assertion:
    at = ("assert", index)
    return Assertion(spec, row.locate(at), lambda path, at_key: row.locate((*at, *path), at_key=at_key))


def case_from_vars(
    prompt: Prompt,
    vars: Mapping[str, Json],  # noqa: A002 - the field's own word
    *,
    location: Location,
    coerce: bool = False,
    id: str | None = None,  # noqa: A002 - the field's own word
    asserts: tuple[Assertion, ...] = (),
    outcome: Expectation | None = None,
    tags: tuple[str, ...] = (),
    description: str | None = None,
) -> Case:
    """Return the case with these variables; with `coerce`, strings are read as the types that `inputs` declares.

    Raises CaseError at `location`; Problems if several variables are wrong.
    """
    given = vars_from_text(prompt, vars, location=location) if coerce else vars
    inputs = None if prompt.inputs is None else compiled(prompt.inputs)
    row = Row("", given, location)
    if id is not None:
        _refuse(row, violations({"id": id}, "prompt", "case"))
    return _case(
        row, given, (), inputs, id=id, asserts=asserts, outcome=outcome, tags=tags, description=description
    )


def vars_from_text(prompt: Prompt, vars: Mapping[str, Json], *, location: Location) -> dict[str, Json]:  # noqa: A002
    """Return `vars` with each string read as its declared type (`--var n=3`); other values stay as they are.

    Raises CaseError at `location` for text that is not of the declared type.
    """
    try:
        return _read_text(vars, prompt.inputs or {})
    except ValueError as error:
        raise CaseError(str(error), location=location) from None


def _read_text(given: Mapping[str, Json], schemas: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    read: dict[str, Json] = {}
    for name, value in given.items():
        try:
            read[name] = from_text(value, schemas.get(name, {})) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return read


def _case(
    row: Row,
    given: Mapping[str, Json],
    at: JsonPath,
    inputs: Inputs | None,
    *,
    id: str | None = None,  # noqa: A002 - the field's own word
    asserts: tuple[Assertion, ...] = (),
    outcome: Expectation | None = None,
    tags: tuple[str, ...] = (),
    description: str | None = None,
    must_pass: bool = False,
    others: Mapping[str, Json] | None = None,
    expected: Mapping[str, Expected] | None = None,
    threshold: float | None = None,
    group: str | None = None,
) -> Case:
    bound = dict(given)
    if inputs is not None:
        bound, faults = inputs.bind(given)
        _refuse(row, faults, at)
    digest = None
    if id is None:
        # From the variables as given: changing a default, or adding an input with a default, renames no case.
        try:
            digest = digest_of(given)
        except ValueError as error:
            raise CaseError(
                _labelled(row, str(error).removeprefix("$").removeprefix(".")),
                location=row.locate(at),
                hint="write such a number as a string",
            ) from None
        id = f"case-{digest[:8]}"  # noqa: A001 - the field's own word
    defaulted = () if len(bound) == len(given) else tuple(name for name in bound if name not in given)
    return Case(
        id,
        bound,
        row.location,
        asserts,
        outcome,
        tags,
        description,
        digest,
        defaulted,
        must_pass,
        others,
        expected,
        threshold,
        group,
    )


def _refuse(row: Row, faults: Sequence[FormatViolation], at: JsonPath = ()) -> None:
    if not faults:
        return
    problems = ProblemList()
    for fault in faults[:MOST]:
        location = row.locate((*at, *fault.path), at_key=fault.at_key)
        problems.add(CaseError(_labelled(row, fault.message), location=location, hint=fault.hint))
    if len(faults) >= MOST:
        message = f"there are {MOST} or more errors here; these are the first"
        problems.add(CaseError(_labelled(row, message), location=row.location))
    problems.raise_any()


def _labelled(row: Row, message: str) -> str:
    return f"{row.label}: {message}" if row.label else message
