"""Load a prompt file as a `Prompt`: parse and validate it, resolve references, bind cases to inputs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

from ..canonical import canonical
from ..documents.documents import Document, parse_document
from ..documents.text import decode
from ..errors import CaseError, Diagnostic, FormatError, Location, RunnerError, SchemaError
from ..schema import SchemaProblem, show
from ..values import Json, JsonPath
from .case_ids import CaseIds
from .cases import read_case
from .disk.tree import DiskTree, Tree, resolve
from .expected_values import targets_of
from .foreign import foreign_hint
from .formats import schema, validate
from .github_prompt import GithubPrompt, is_github_prompt, read_github_prompt
from .inputs import compiled, usable_in_jinja
from .model import AnswerTarget, Assertion, Case, CaseFile, Prompt, ResolveReference, ResponseSchema, Template
from .pack_rules import forbidden_in_pack
from .pack_sources import is_reference
from .problems import ProblemList
from .provider_fields import EXTRA, collisions, extra_fault, merged, unknown_types
from .rows import ROW_FORMATS, Row
from .schema_files import check_answer_schema, check_schema, read_schema_file

__all__ = ["OWN_KEYS", "PROMPT_ENDINGS", "ResolveReference", "as_sent", "load_prompt", "name_of"]

PROMPT_ENDINGS = (".prompt.yaml", ".prompt.yml")
"""The endings of the names of prompt files."""

OWN_KEYS = frozenset(
    {
        "name", "description", "tags", "authors", "inputs", "template", "assert", "tests", "labels", "numbers", "sets",
        "regression", "matrix", "extra_body",
    }
)  # fmt: skip
"""The top-level keys of a prompt file that are not sent; keys that begin with `x-` are not sent either."""


def load_prompt(
    file: str, tree: Tree, *, in_pack: bool = False, resolve_reference: ResolveReference | None = None
) -> Prompt:
    """Load the prompt `file`, a name in `tree`; in a pack (`in_pack`) some fields are not allowed (see pack_rules).

    `resolve_reference` resolves schema files that are named `ALIAS:NAME`. A file in GitHub's format is recognised by its
    keys and translated to ours.

    Raises a FileError with the place of the mistake, or Problems with all of them: SyntaxFileError, EncodingError and
    MissingFileError for a file that cannot be read, FormatError for one that breaks the format, SchemaError for an
    invalid JSON Schema, CaseError for a test.
    """
    document = parse_document(tree.read(file), tree.shown(file))
    github = read_github_prompt(document) if is_github_prompt(document.value, _on_disk(file, tree)) else None
    if github is not None:
        document = github.document
    try:
        validate(document, "prompt")
    except RunnerError:
        _refuse_foreign(file, tree)
        raise
    loader = _Loader(
        file, tree, document, in_pack=in_pack, resolve_reference=resolve_reference, github=github
    )
    return loader.load()


def _refuse_foreign(file: str, tree: Tree) -> None:
    """Raise FormatError for a file of another tool, instead of one for each of its unknown keys."""
    shown = tree.shown(file)
    found = foreign_hint(file, decode(tree.read(file), shown), shown)
    if found is not None:
        raise FormatError(found[0], location=Location(shown), hint=found[1]) from None


def _on_disk(file: str, tree: Tree) -> str:
    """Return the path of a file including the folders above its tree, if they are known."""
    return (tree.root / file).as_posix() if isinstance(tree, DiskTree) else file


def name_of(spec: Mapping[str, Any], file: str) -> str:
    """Return the name of a prompt: the one it declares, else the name of its file without the ending."""
    name = spec.get("name")
    return name if isinstance(name, str) and name else _stem(file)


def as_sent(field: str, value: Json) -> Json:
    """Return the valid value of a request field as it is sent.

    Each `extra` is merged into its object. A whole number in float notation (`seed: 1e3`) becomes an integer if the
    field is one: servers do not accept 1000.0.
    """
    if isinstance(value, float) and value.is_integer() and "integer" in _types_of(field):
        return int(value)
    return merged(field, value)


@cache
def _types_of(field: str) -> frozenset[str]:
    declared = schema("prompt")["properties"][field].get("type", ())
    return frozenset([declared] if isinstance(declared, str) else declared)


class _Loader:
    """Checks what the JSON Schema of the format cannot express: references, schemas, cases. Lives for one call."""

    def __init__(
        self,
        file: str,
        tree: Tree,
        document: Document,
        *,
        in_pack: bool,
        resolve_reference: ResolveReference | None,
        github: GithubPrompt | None,
    ) -> None:
        self.file = file
        self.tree = tree
        self.document = document
        self.in_pack = in_pack
        self.resolve_reference = resolve_reference
        self.spec = cast("Mapping[str, Any]", document.value)  # its shape was validated
        self.github = github
        if github is not None:
            self.spec = {**self.spec, **github.beside}
        self.problems = ProblemList()

    def load(self) -> Prompt:
        spec = self.spec
        request = {
            key: as_sent(key, value)
            for key, value in spec.items()
            if key not in OWN_KEYS and not key.startswith("x-")
        }
        response_schema = None
        with self.problems.kept():
            response_schema = self._response_schema(request)
        self._check_tool_schemas()
        self._check_matrix()
        self._check_extra_body(request)
        self._check_extras()
        self._check_input_names()
        for error in forbidden_in_pack(self.document) if self.in_pack else ():
            self.problems.add(error)
        targets: tuple[AnswerTarget, ...] = ()
        with self.problems.kept():
            targets = tuple(targets_of(spec, self.document))
        tests = self._tests(targets)
        self.problems.raise_any()
        github = self.github
        return Prompt(
            path=self.document.path,
            file=self.file,
            name=name_of(spec, self.file),
            request=request,
            document=self.document,
            tree=self.tree,
            description=spec.get("description"),
            tags=tuple(spec.get("tags", ())),
            inputs=spec.get("inputs"),
            template=Template("github") if github else Template(**spec.get("template", {})),
            response_schema=response_schema,
            asserts=github.asserts
            if github
            else tuple(
                self._assertion(each, ("assert", index)) for index, each in enumerate(spec.get("assert", ()))
            ),
            tests=tests,
            targets=targets,
            regression=spec.get("regression", {}),
            matrix={
                key: tuple(as_sent(key, value) for value in values)
                for key, values in spec.get("matrix", {}).items()
            },
            extra_body=spec.get("extra_body", {}),
            warnings=(*self._warnings(), *(github.warnings if github else ())),
        )

    def _assertion(self, spec: Mapping[str, Json], at: JsonPath) -> Assertion:
        def place(path: JsonPath, at_key: bool) -> Location:  # noqa: FBT001 - the shape that Assertion asks for
            whole = (*at, *path)
            return self.document.locate_key(whole) if at_key else self.document.locate(whole)

        return Assertion(spec, self.document.locate(at), place)

    # --- schemas ----------------------------------------------------------------------------------------------

    def _response_schema(self, request: dict[str, Any]) -> ResponseSchema | None:
        """Return the schema of `response_format`; in `request` it replaces `schema_file`, so that keys keep their order."""
        declared = (request.get("response_format") or {}).get("json_schema")
        if declared is None or not declared.keys() & {"schema", "schema_file"}:
            return None
        at: JsonPath = ("response_format", "json_schema")
        if "schema" in declared and "schema_file" in declared:
            raise FormatError(
                "schema and schema_file cannot be combined",
                location=self.document.locate_key((*at, "schema_file")),
                hint="keep one of them",
            )
        if "schema" in declared:
            document, place, value = self.document, (*at, "schema"), declared["schema"]
        else:
            document, place = self._schema_file(declared["schema_file"], (*at, "schema_file")), ()
            value = document.value
            whole = {("schema" if key == "schema_file" else key): each for key, each in declared.items()}
            request["response_format"] = {
                **request["response_format"],
                "json_schema": {**whole, "schema": value},
            }
        check_answer_schema(value, document, place)
        return ResponseSchema(
            declared.get("name", ""), declared.get("strict") is True, value, document, place
        )

    def _schema_file(self, name: str, at: JsonPath) -> Document:
        location = self.document.locate(at)
        if self.resolve_reference is not None and is_reference(name):
            tree, file = self.resolve_reference(name, location)
        else:
            tree, file = self.tree, resolve(self.file, name, location=location)
        return read_schema_file(file, tree, location)

    def _check_tool_schemas(self) -> None:
        places: list[JsonPath] = [
            ("tools", index, "function") for index in range(len(self.spec.get("tools") or ()))
        ]
        places += [("functions", index) for index in range(len(self.spec.get("functions") or ()))]
        for place in places:
            function = _at(self.spec, place)
            if isinstance(function, Mapping) and function.get("parameters") is not None:
                with self.problems.kept():
                    check_schema(function["parameters"], self.document, (*place, "parameters"))

    # --- keys of our own --------------------------------------------------------------------------------------

    def _check_matrix(self) -> None:
        matrix = self.spec.get("matrix", {})
        for key, values in matrix.items():
            self._check_extra_in_matrix(key, values, matrix)
            seen: set[bytes] = set()
            for index, value in enumerate(values):
                with self.problems.kept():
                    form = self._canonical(value, ("matrix", key, index))
                    if form in seen:
                        raise FormatError(
                            f"matrix.{key} lists {show(value, 60)} twice",
                            location=self.document.locate(("matrix", key, index)),
                            hint="two variants with the same values are the same variant",
                        )
                    seen.add(form)

    def _check_extra_in_matrix(self, name: str, values: Sequence[Json], matrix: Mapping[str, Any]) -> None:
        """Refuse what must not be in `extra_body`, or is set by another entry of the matrix, too."""
        if name.partition(".")[0] != EXTRA:
            return
        set_by_path = {each.split(".")[1] for each in matrix if each.startswith(f"{EXTRA}.")}
        for index, value in enumerate(values):
            fault = extra_fault(name, value)
            if fault is None and name == EXTRA and isinstance(value, Mapping):
                twice = [key for key in value if key in set_by_path]
                if twice:
                    fault = f"{EXTRA}.{twice[0]} is set by another key of the matrix, too", "keep one of them"
            if fault:
                location = self.document.locate(("matrix", name, index))
                self.problems.add(FormatError(f"matrix.{name}: {fault[0]}", location=location, hint=fault[1]))

    def _canonical(self, value: Json, at: JsonPath) -> bytes:
        try:
            return canonical(value)
        except ValueError as error:
            raise FormatError(str(error), location=self.document.locate(at)) from None

    def _check_extra_body(self, request: Mapping[str, Json]) -> None:
        if "extra_body" not in self.spec:
            return
        for key in self.spec["extra_body"]:
            if key in request:
                message, hint = f'extra_body repeats "{key}"', "say it once, at the top level"
            elif key in {"messages", "stream", "stream_options"}:
                message, hint = f'"{key}" is not allowed in extra_body', "runner writes this field itself"
            else:
                continue
            location = self.document.locate_key(("extra_body", key))
            self.problems.add(FormatError(message, location=location, hint=hint))

    def _check_extras(self) -> None:
        for fault in collisions(self.spec):
            location = self.document.locate_key(fault.path)
            self.problems.add(FormatError(fault.message, location=location, hint=fault.hint))

    def _check_input_names(self) -> None:
        """Refuse names that no template can read, unless a placeholder or an expression uses them."""
        if self.github or self.spec.get("template", {}).get("engine", "jinja2") != "jinja2":
            return
        placed = {
            message.get("name") for message in self.spec["messages"] if message.get("type") == "placeholder"
        }
        asserted = [self.spec, *self.spec.get("tests", ())]
        expressions = [str(each.get("value")) for spec in asserted for each in spec.get("assert", ())]
        for name in self.spec.get("inputs", {}):
            usable = usable_in_jinja(name)
            if usable is None or name in placed or any(name in text for text in expressions):
                continue
            location = self.document.locate_key(("inputs", name))
            hint = f"call it {usable}, or declare template: {{engine: simple}}"
            self.problems.add(
                FormatError(f"a Jinja template cannot read a variable {name}", location=location, hint=hint)
            )

    def _warnings(self) -> Iterator[Diagnostic]:
        """Yield W005 for unknown types, and W006 for `model:` without a value, which the server receives as null."""
        yield from unknown_types(self.spec, self.document)
        if self.spec.get("model", "") is None:
            message = "model is null, and null is sent"
            hint = "leave the key out to use the endpoint's model or --model"
            yield Diagnostic("warning", "W006", message, self.document.locate(("model",)), hint)

    # --- cases ------------------------------------------------------------------------------------------------

    def _tests(self, targets: Sequence[AnswerTarget]) -> tuple[Case | CaseFile, ...]:
        schemas: Mapping[str, Mapping[str, Json]] | None = self.spec.get("inputs")
        try:
            inputs = None if schemas is None else compiled(schemas)
        except SchemaProblem as problem:
            # Without valid inputs, the tests cannot be checked.
            at = ("inputs", *problem.path)
            message = f"inputs.{problem.path[0]}: {problem.message}"
            self.problems.add(SchemaError(message, location=self.document.locate(at)))
            return ()
        ids = CaseIds()
        tests: list[Case | CaseFile] = []
        for index, entry in enumerate(self.spec.get("tests", ())):
            at = ("tests", index)
            with self.problems.kept():
                if "file" in entry:
                    tests.append(self._case_file(entry, (*at, "file")))
                else:
                    row = Row(
                        f"{'testData' if self.github else 'tests'}[{index}]",
                        entry,
                        self.document.locate(at),
                        self.document,
                        at,
                    )
                    tests.append(ids.claim(read_case(row, inputs, targets, checked=True), row.label))
        return tuple(tests)

    def _case_file(self, entry: Mapping[str, str], at: JsonPath) -> CaseFile:
        name, location = entry["file"], self.document.locate(at)
        file = resolve(self.file, name, location=location)
        if not file.lower().endswith(ROW_FORMATS):
            raise CaseError(
                f"{name} is not a file of cases", location=location, hint=f"one of {', '.join(ROW_FORMATS)}"
            )
        if not self.tree.exists(file):
            self.tree.read(file, location=location)  # raises the error, with the name that was probably meant
        return CaseFile(
            file, self.tree.shown(file), location, id_column=entry.get("id"), group_column=entry.get("group")
        )


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        if isinstance(value, Mapping) and step not in value:
            return None
        value = value[step]
    return value


def _stem(file: str) -> str:
    name = posixpath.basename(file)
    for ending in (*PROMPT_ENDINGS, ".yaml", ".yml", ".json"):
        if name.lower().endswith(ending):
            return name[: -len(ending)] or name
    return name
