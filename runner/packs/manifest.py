"""Read pack.yaml into a `Manifest`: the name of a pack, and which of its files it exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from .._version import __version__
from ..documents.documents import Document, parse_document
from ..errors import FormatError, MissingFileError
from ..files.disk.tree import Tree, resolve
from ..files.formats import validate
from ..files.problems import ProblemList
from ..files.versions import reader_of, version_in
from .file_rules import MANIFEST

__all__ = [
    "KINDS",
    "ExportKind",
    "Manifest",
    "load_manifest",
    "refuse_other_runner",
    "refuse_unknown_license",
]

ExportKind: TypeAlias = Literal["prompts", "partials", "schemas"]
KINDS: tuple[ExportKind, ...] = ("prompts", "partials", "schemas")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contents of pack.yaml; `exports` has, for each kind, the files by their exported names."""

    name: str
    version: str
    exports: Mapping[ExportKind, Mapping[str, str]]
    document: Document
    description: str | None = None
    license: str | None = None
    requires_runner: str | None = None


def load_manifest(tree: Tree) -> Manifest:
    """Read the manifest of a pack's tree.

    Raises a FileError at the place of the mistake, or Problems for several: MissingFileError for an exported file that
    does not exist, FormatError for a violation of the format.
    """
    document = parse_document(tree.read(MANIFEST), tree.shown(MANIFEST))
    read = reader_of(_READERS, version_in(document, "format"), MANIFEST, lambda: document.locate(("format",)))
    return read(tree, document)


def _read_v1(tree: Tree, document: Document) -> Manifest:
    validate(document, "pack")
    spec = cast("Mapping[str, Any]", document.value)  # its shape was validated
    problems = ProblemList()
    exports: dict[ExportKind, dict[str, str]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for name, path in spec["exports"].get(kind, {}).items():
            with problems.kept():
                exports[kind][name] = _exported(tree, document, kind, name, path)
    problems.raise_any()
    return Manifest(
        spec["name"],
        spec["version"],
        exports,
        document,
        spec.get("description"),
        spec.get("license"),
        spec.get("requires", {}).get("runner"),
    )


_READERS: dict[int, Callable[[Tree, Document], Manifest]] = {1: _read_v1}


def refuse_other_runner(manifest: Manifest) -> None:
    """Raise FormatError if the pack requires another version of runner, or its requirement is not a version range."""
    if manifest.requires_runner is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    location = manifest.document.locate(("requires", "runner"))
    try:
        versions = SpecifierSet(manifest.requires_runner)
    except InvalidSpecifier:
        raise FormatError(
            f'"{manifest.requires_runner}" is not a version range',
            location=location,
            hint='write e.g. ">=0.1,<1"',
        ) from None
    if not versions.contains(__version__, prereleases=True):
        raise FormatError(
            f"{manifest.name} {manifest.version} requires runner {manifest.requires_runner}, but this is {__version__}",
            location=location,
            hint="install such a version of prompt-runner, or use another version of the pack",
        )


def refuse_unknown_license(manifest: Manifest) -> None:
    """Raise FormatError for a licence that SPDX does not know."""
    if manifest.license is None:
        return
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        canonicalize_license_expression(manifest.license)
    except InvalidLicenseExpression:
        raise FormatError(
            f'"{manifest.license}" is not an SPDX licence expression',
            location=manifest.document.locate(("license",)),
            hint="see https://spdx.org/licenses; for your own licence write LicenseRef-NAME",
        ) from None


def _exported(tree: Tree, document: Document, kind: ExportKind, name: str, path: str) -> str:
    at = ("exports", kind, name)
    location = document.locate(at)
    file = resolve(MANIFEST, path, location=location)
    if not tree.exists(file):
        try:
            tree.read(file, location=location)
        except MissingFileError as error:
            # The manifest is at the root of the pack, so a hint about what paths are relative to would not help.
            raise MissingFileError(
                f"exports.{kind}.{name}: {error.message}", location=location, hint=error.hint
            ) from None
    if kind == "prompts" and not file.lower().endswith((".yaml", ".yml")):
        raise FormatError(
            f"exports.{kind}.{name} is not a prompt file", location=location, hint="prompts are YAML files"
        )
    return file
