"""Add rules to prompt files during a review: prepare them one by one, and write them when the review ends."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from ..documents.documents import parse_document
from ..documents.text import decode, encode_like
from ..errors import EncodingError, FileError, StorageError, UsageError
from ..files.disk.atomic import write_whole
from ..files.disk.plain_files import refuse_outside
from ..files.github_prompt import is_github_prompt
from ..regress.results import FieldChange, PendingEntry
from ..regress.review_state import Proposed
from ..regress.rules.proposals import propose, spell_rule
from ..regress.rules.rule_edit import with_rule
from ..regress.snapshots.snapshot import is_of_pack

__all__ = ["RuleWriting"]


@dataclass(frozen=True, slots=True)
class _Edit:
    shown: str
    before: bytes
    text: str


class RuleWriting:
    """The edits of prompt files below `root` in one review. Rules are undone in reverse order."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._edits: dict[Path, _Edit] = {}
        self._added: dict[Path, list[str]] = {}

    def add(self, entry: PendingEntry, change: FieldChange) -> Proposed:
        """Prepare the rule that accepts both values of a difference."""
        if not change.path.startswith("$"):
            return Proposed(
                "No rule can allow another outcome: declare the expected outcome in the case with `outcome:`."
            )
        if change.equal:
            return Proposed(f"The rule {change.rule} already allows this.")
        missing = change.approved_missing or change.new_missing
        sides = ((change.approved, change.approved_missing), (change.new, change.new_missing))
        proposal = propose([value for value, absent in sides if not absent], sometimes_missing=missing)
        rule = spell_rule(change.path, proposal)
        if is_of_pack(entry.snapshot_file):
            return Proposed(
                f"{rule}\n{entry.file} belongs to a pack and is never edited: ask its author for this rule"
            )
        path = self._root / entry.prompt_file
        try:
            refuse_outside(path, self._root)
            before = self._edits[path].before if path in self._edits else path.read_bytes()
            text = self._edits[path].text if path in self._edits else decode(before, entry.file)
        except (OSError, EncodingError):
            text = None
        if text is not None and _is_githubs(text, path):
            return Proposed(
                f"{rule}\n{entry.file} is in GitHub's format, which has no rules: use runner's own format"
            )
        # A file with mixed line endings would not keep them.
        whole = text is not None and (path in self._edits or encode_like(text, before) == before)
        edited = with_rule(text, change.path, proposal) if text is not None and whole else None
        if edited is None:
            return Proposed(
                f"{rule}\n{entry.file} cannot be edited safely: paste this into its regression.rules"
            )
        if rule in self._added.setdefault(path, []):
            return Proposed(f"{rule}\nis already among the rules to add to {entry.file}.")
        earlier = self._edits.get(path)
        self._edits[path] = _Edit(entry.file, before, edited)
        self._added[path].append(rule)

        def undo() -> None:
            self._added[path].remove(rule)
            if earlier is None:
                del self._edits[path]
            else:
                self._edits[path] = earlier

        return Proposed(
            f"{rule}\nwill be added to {entry.file} when the review ends; the next `runner test` uses it"
            " (u undoes this).",
            undo,
        )

    def write(self) -> list[str]:
        """Write the files and return their names.

        Raises UsageError for a file that has changed since, StorageError for one that cannot be written.
        """
        for path, edit in self._edits.items():
            try:
                refuse_outside(path, self._root)
                if path.read_bytes() != edit.before:
                    raise UsageError(
                        f"{edit.shown} was changed during the review: its new rules were not written"
                    )
                target = path.resolve()  # a link stays a link
                mode = stat.S_IMODE(target.stat().st_mode)
                write_whole(target, encode_like(edit.text, edit.before), durable=True, mode=mode)
            except OSError as error:
                raise StorageError(f"{edit.shown} cannot be written: {error.strerror or error}") from None
        return [edit.shown for edit in self._edits.values()]


def _is_githubs(text: str, path: Path) -> bool:
    try:
        return is_github_prompt(parse_document(text.encode(), "prompt").value, path.as_posix())
    except FileError:
        return False
