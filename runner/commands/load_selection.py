"""Turn the arguments of a command line into prompts, units and cases, for `run`, `test`, `render` and others."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..documents.documents import parse_document
from ..documents.json_reader import parse_json
from ..documents.text import decode
from ..engine.plan.job import Job, Unit
from ..engine.plan.plan import Plan, Preflight
from ..engine.plan.selection import Selection
from ..engine.plan.spool import Spool
from ..errors import (
    Diagnostic,
    FormatError,
    Location,
    NothingSelectedError,
    SyntaxFileError,
    UsageError,
)
from ..files.destination import Destination, reads_of
from ..files.env_file import EnvFile
from ..files.model import CaseFile, Prompt
from ..files.request_fields import field_value
from ..files.rows import TABLE_FORMATS
from ..regress.last_failed import CaseName, last_failed
from ..values import Json
from ..workspace import Workspace
from .open_workspace import open_workspace
from .show_errors import show_diagnostic

if TYPE_CHECKING:
    from ..engine.plan.sampling import Condition, Draw
    from ..render.sandbox import Sandbox

__all__ = ["Chosen", "SelectionOptions", "load_selection", "request_fields", "tests_of"]


class SelectionOptions(TypedDict):
    """The values of the shared options of the command line, for `load_selection`."""

    paths: tuple[str, ...]
    assignments: tuple[str, ...]
    vars_file: str | None
    rows: str | None
    ids: tuple[str, ...]
    tags: tuple[str, ...]
    endpoint: str | None
    models: tuple[str, ...]
    sets: tuple[str, ...]
    where: str | None
    sample: int | None
    seed: int | None
    limit: int | None
    isolate: bool
    delimiter: str | None
    encoding: str | None
    id_column: str | None
    failed_of: str | None
    """The run whose failed cases are selected; TEST for the last `runner test`; None for all cases."""


TEST = "test"


def tests_of(
    paths: Sequence[str],
    *,
    ids: Sequence[str] = (),
    tags: Sequence[str] = (),
    endpoint: str | None = None,
    isolate: bool = False,
    failed: bool = False,
) -> SelectionOptions:
    """Return the options that select the prompts' own tests, or some of them."""
    return SelectionOptions(
        paths=tuple(paths),
        assignments=(),
        vars_file=None,
        rows=None,
        ids=tuple(ids),
        tags=tuple(tags),
        endpoint=endpoint,
        models=(),
        sets=(),
        where=None,
        sample=None,
        seed=None,
        limit=None,
        isolate=isolate,
        delimiter=None,
        encoding=None,
        id_column=None,
        failed_of=TEST if failed else None,
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The selection of a command line: compiled units, the cases to use, and their project."""

    workspace: Workspace
    prompts: tuple[Prompt, ...]
    units: tuple[Unit, ...]
    selection: Selection

    @property
    def title(self) -> str:
        """The number of prompts and the endpoints, as a title."""
        names = sorted({unit.endpoint.name for unit in self.units})
        count = len(self.prompts)
        return f"{count} prompt{'s' if count != 1 else ''} on {', '.join(names)}"

    def shown(self, path: Path) -> str:
        """Return a path relative to the current folder if possible."""
        try:
            return str(path.relative_to(Path.cwd()))
        except ValueError:
            return str(path)

    def check_report(
        self, report: str, written: Mapping[str, str | None], given: Mapping[str, str | None] | None = None
    ) -> None:
        """Refuse a `--report` file that the command reads, that is not a report, or that is one of the other files `written`."""
        from ..report.html_file import refuse_other_files

        refuse_other_files(report, "--report")
        others = {option: Path(file) for option, file in written.items() if file is not None}
        self.check_destination(report, given or {}, option="--report", written=others)

    def check_destination(
        self,
        output: str,
        given: Mapping[str, str | None],
        *,
        option: str = "--output",
        written: Mapping[str, Path] | None = None,
    ) -> None:
        """Refuse an `--output` file that the command reads: one `given` by an option, or one of the project. See Destination."""
        env_file = self.workspace.env_file
        given = {**given, "--env-file": env_file.path if env_file else None}
        reads = [(f'"{path}" of {option}', Path(path)) for option, path in given.items() if path is not None]
        others: dict[str, Path | int] = {"standard output": 1, "standard error": 2, **(written or {})}
        if summary := self.workspace.environ.get("GITHUB_STEP_SUMMARY"):
            others["GITHUB_STEP_SUMMARY"] = Path(summary)
        Destination(option, output, self.workspace.root).check([*reads, *reads_of(self.prompts)], others)

    def refuse_faults(self) -> None:
        """Raise the errors of `check` that rendering does not find, for commands that send requests."""
        from ..engine.plan.lint import refuse_lint_errors  # only for commands that send requests

        refuse_lint_errors(
            self.units, hint="the provider would refuse it; --no-lint sends the request anyway"
        )
        for prompt in self.prompts:
            if prompt.regression or self.workspace.project.gate is not None:
                from ..regress.gates.gate_rules import compile_gates
                from ..regress.rules.rules import compile_rules

                compile_rules(prompt, self.workspace.project)
                compile_gates(prompt, self.workspace.project)

    def preflight(
        self,
        plan: Plan,
        visit: Callable[[Job], None] | None = None,
        spool: Spool | None = None,
        remark: Callable[[Diagnostic], None] = show_diagnostic,
    ) -> Preflight:
        """Return `plan.preflight(visit, spool)`, explain a selection that matches nothing, and pass remarks to `remark`."""
        from ..engine.plan.lint import FalseTexts  # not for a run that sends nothing

        texts = FalseTexts()

        def look(job: Job) -> None:
            texts.look(job)
            if visit is not None:
                visit(job)

        try:
            preflight = plan.preflight(look, spool)
        except NothingSelectedError:
            raise self.selection.explain_nothing(self.units) from None
        for found in texts.found.values():
            remark(found)
        return preflight


def load_selection(given: SelectionOptions, closing: ExitStack, *, env_file: EnvFile | None = None) -> Chosen:
    """Load everything that a command line names; `closing` releases resources when the command ends.

    Raises Problems with every mistake of every file.
    """
    vars_file, rows = given["vars_file"], given["rows"]
    fields = request_fields(given["models"], given["sets"])
    texts = _texts(given["assignments"])
    variables = _variables(vars_file) if vars_file is not None else {} if texts else None
    if rows is not None and variables is not None:
        raise UsageError("--input and --var cannot be combined", hint="add the variable to each row instead")
    for option in ("delimiter", "encoding", "id_column"):
        if rows is None and given[option] is not None:
            name = option.removesuffix("_column")
            raise UsageError(f"--{name} applies to the file of --input, which is not given")
    if given["seed"] is not None and given["sample"] is None:
        raise UsageError("--seed needs --sample N, which is not given")
    workspace = closing.enter_context(open_workspace(isolate=given["isolate"], env_file=env_file))
    sandbox = workspace.sandbox
    workspace.packs.verify_copies()
    prompts = workspace.prompts(given["paths"], show_diagnostic)
    selection = Selection(
        frozenset(given["ids"]),
        frozenset(given["tags"]),
        variables,
        texts,
        Location(vars_file or "--var"),
        _rows(rows, given, closing) if rows is not None else None,
        where=_where(given, sandbox),
        draw=_draw(given),
        limit=given["limit"],
        only=_failed(given["failed_of"], workspace.root),
    )
    sandbox.start()
    units = workspace.units(prompts, endpoint=given["endpoint"], fields=fields)
    return Chosen(workspace, prompts, units, selection)


def _failed(name: str | None, root: Path) -> frozenset[CaseName] | None:
    """Return the cases that failed in the run with this name. Raises NothingSelectedError if there are none."""
    if name is None:
        return None
    if name == TEST:
        found, where = last_failed(root), "the last runner test"
    else:
        from ..engine.journal.final_records import final_records
        from ..engine.journal.stored_runs import find_run

        run = find_run(root, name)
        files, where = run.manifest.get("files", {}), f"the run {run.id}"
        found = frozenset(
            (str(files.get(record["file"], record["file"])), record["case"])
            for record in final_records(run)
            if not record["passed"]
        )
    if not found:
        raise NothingSelectedError(f"nothing to run: nothing failed in {where}")
    return found


def _where(given: SelectionOptions, sandbox: Sandbox) -> Condition | None:
    if given["where"] is None:
        return None
    from ..engine.plan.sampling import Condition

    return Condition.of(given["where"], sandbox)


def _draw(given: SelectionOptions) -> Draw | None:
    if given["sample"] is None:
        return None
    from ..engine.plan.sampling import Draw

    return Draw(given["sample"], given["seed"] or 0)


def _variables(vars_file: str) -> dict[str, Json]:
    document = parse_document(_read(vars_file, "--vars"), "standard input" if vars_file == "-" else vars_file)
    if not isinstance(document.value, dict):
        raise FormatError("variables must be an object of names and values", location=document.locate(()))
    return document.value


def _texts(assignments: Sequence[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise UsageError(f"--var {assignment}: not NAME=VALUE")
        if name in texts:
            raise UsageError(f"--var {name} is given twice")
        texts[name] = _text_of(value, f"--var {name}=")
    return texts


def _text_of(value: str, option: str) -> str:
    """Return the value; for `@FILE` the text of the file, for `@-` of standard input; `@@` stands for a leading `@`."""
    if not value.startswith("@"):
        return value
    if value.startswith("@@"):
        return value[1:]
    if value == "@-":
        return decode(sys.stdin.buffer.read(), "standard input")
    try:
        return decode(Path(value[1:]).read_bytes(), value[1:])
    except OSError as error:
        raise UsageError(
            f"{option}{value}: {error.strerror or error}", hint="write @@ for a text that begins with @"
        ) from None


def _rows(path: str, given: SelectionOptions, closing: ExitStack) -> CaseFile:
    shown, file = path, Path(path)
    if path == "-":
        shown, file = "standard input", _standard_input(given["encoding"], closing)
    if not file.exists():
        raise UsageError(f"--input {path}: no such file")
    if file.is_dir():
        raise UsageError(f"--input {path} is a folder", hint="name one file of rows in it")
    if not file.is_file():
        raise UsageError(
            f"--input {path} can be read only once",
            hint="rows are read more than once: save them to a file, or pass them on standard input: --input -",
        )
    if given["delimiter"] is not None and file.suffix.lower() not in (".csv", ".tsv"):
        raise UsageError(f"--delimiter is for .csv and .tsv, and --input {path} is neither")
    if given["encoding"] is not None and file.suffix.lower() in TABLE_FORMATS:
        raise UsageError(f"--encoding is for text, and --input {path} is not")
    return CaseFile(
        str(file.absolute()),
        shown,
        Location(shown),
        delimiter=given["delimiter"],
        encoding=given["encoding"],
        id_column=given["id_column"],
    )


def _standard_input(encoding: str | None, closing: ExitStack) -> Path:
    """Copy standard input to a file, which can be read again until `closing` deletes it.

    Its name gets the extension of its format, which is detected by the first bytes: XLSX, Parquet, JSON (a list), JSONL
    (objects), or else CSV.
    """
    folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="runner-"))
    copy = Path(folder) / "rows"
    with copy.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    with copy.open("rb") as file:
        data = file.read(_HEAD)
    head = data.decode(encoding or "utf-8", "ignore").lstrip("\ufeff \t\r\n")
    ending = {"": ".jsonl", "{": ".jsonl", "[": ".json"}.get(head[:1], ".csv")
    ending = {b"PK\x03\x04": ".xlsx", b"PAR1": ".parquet"}.get(data[:4], ending)
    return copy.rename(copy.with_suffix(ending))


_HEAD = 65536


def _read(path: str, option: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror or error}") from None


def request_fields(models: Sequence[str], sets: Sequence[str]) -> dict[str, list[Json]]:
    """Return the values of --model and --set by request field. Raises UsageError for an unknown field."""
    fields: dict[str, list[Json]] = {"model": list(dict.fromkeys(models))} if models else {}
    for setting in sets:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {setting!r} is not FIELD=VALUE")
        try:
            value = parse_json(text, "").value
        except SyntaxFileError:
            value = text
        fields.setdefault(name, []).append(field_value(name, value, f"--set {setting}"))
    return fields
