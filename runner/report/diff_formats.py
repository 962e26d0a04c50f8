"""Format the result of `runner diff` for a terminal, for a comment on a pull request, or for a program."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from ..engine.plan.job import BYTES_PER_TOKEN, CaseKey
from ..regress.revisions.changed_cases import Change
from ..regress.revisions.hunks import Hunk
from ..regress.revisions.rendered_revision import RequestDigest
from ..regress.revisions.request_diff import RequestDiff
from .terminal.figures import count, plural
from .terminal.painting import paint
from .terminal.terminal_text import one_line, shorten, visible

__all__ = ["MARKDOWN_LIMIT", "diff_json", "diff_markdown", "diff_text"]

MARKDOWN_LIMIT = 65_000
"""In characters; a comment on GitHub may have 65,536."""

_KINDS = ("changed", "added", "removed", "moved")
_NAMED = 5
_TABLE_ROOM = 30_000
_HUNK_ROOM = 12_000
_LONG_LINE = 2_000
_LONG_NAME = 120

_BOLD, _RED, _GREEN, _YELLOW, _CYAN = "1", "31", "32", "33", "36"
_COLORS = {"changed": _YELLOW, "added": _GREEN, "removed": _RED, "moved": _CYAN}


def diff_json(comparison: RequestDiff) -> str:
    """Return a JSON list with an object for each request that differs.

    Its keys are prompt, file, case, variant, change, parts, note, from (for a moved request: file, case, variant) and
    fingerprint (before, after).
    """
    text = json.dumps([_as_json(change) for change in comparison.changes], ensure_ascii=False, indent=2)
    # A lone surrogate, from a file's name, is escaped.
    return text.encode("utf-8", "backslashreplace").decode()


def diff_text(comparison: RequestDiff, *, color: bool = False, recording: str | None = None) -> str:
    """Return the comparison for a terminal or a log: totals, changes by prompt, hunks, and what recording would cost.

    `recording` is the command that records the changes, if it is not the one for a git revision.
    """
    lines = [paint(_headline(comparison), _BOLD, color=color)]
    for file, rows in _by_file(comparison).items():
        lines += ["", paint(one_line(file), _BOLD, color=color)]
        for kind, detail, cases in rows:
            about = f" ({one_line(detail)})" if detail else ""
            names = _named([_label(key) for key in cases])
            lines.append(
                f"  {paint(kind, _COLORS[kind], color=color)} {plural(len(cases), 'case')}{about}: {names}"
            )
    for hunk in comparison.hunks or ():
        lines += ["", paint(_hunk_title(hunk, comparison), _BOLD, color=color)]
        lines += [paint(visible(line), _line_color(line), color=color) for line in hunk.lines]
    lines += [part for note in _notes(comparison, one_line, recording) for part in ("", note)]
    return "\n".join(lines)


def diff_markdown(comparison: RequestDiff, *, recording: str | None = None) -> str:
    """Return the comparison for a comment on a pull request, at most MARKDOWN_LIMIT characters.

    Text from prompts can neither end its block nor mention anybody: names are entities inside `<code>`, and the fence
    of a hunk is longer than any fence in it.
    """
    notes = list(_notes(comparison, _inert, recording))
    room = MARKDOWN_LIMIT - sum(len(note) + 2 for note in notes) - 300
    blocks = [f"**{_markdown_headline(comparison)}**"]
    rows = [
        f"| {_inert(file)} | {kind}{f' ({_inert(detail)})' if detail else ''} | {len(cases)}: {_named([_label(key) for key in cases], _inert)} |\n"
        for file, rows in _by_file(comparison).items()
        for kind, detail, cases in rows
    ]
    if rows:
        shown = _fitting(rows, _TABLE_ROOM)
        blocks.append("| prompt | change | cases |\n| --- | --- | --- |\n" + "".join(shown).rstrip("\n"))
        if len(shown) < len(rows):
            blocks.append(f"… and {plural(len(rows) - len(shown), 'more row')}")
    sections = [_section(hunk, comparison) for hunk in comparison.hunks or ()]
    shown = _fitting(sections, room - sum(len(block) + 2 for block in blocks))
    blocks += shown
    if len(shown) < len(sections):
        left_out = plural(len(sections) - len(shown), "more hunk")
        blocks.append(f"… and {left_out}: the comment is full, `runner diff` shows all of them.")
    return "\n\n".join([*blocks, *notes])


# --- in every format ------------------------------------------------------------------------------------------------


def _as_json(change: Change) -> dict[str, object]:
    file, case, variant = change.digest.key
    origin = None
    if change.change == "moved" and change.before is not None:
        origin = dict(zip(("file", "case", "variant"), change.before.key, strict=True))
    return {
        "prompt": change.digest.prompt,
        "file": file,
        "case": case,
        "variant": variant,
        "change": change.change,
        "parts": list(change.parts),
        "note": change.note,
        "from": origin,
        "fingerprint": {"before": _fingerprint(change.before), "after": _fingerprint(change.after)},
    }


def _fingerprint(seen: RequestDigest | None) -> str | None:
    return None if seen is None else seen.fingerprint


def _headline(comparison: RequestDiff) -> str:
    return f"compared with {one_line(comparison.rev)} ({comparison.commit[:7]}): {_totals(comparison)}"


def _markdown_headline(comparison: RequestDiff) -> str:
    return f"Requests compared with {_inert(comparison.rev)} ({comparison.commit[:7]}): {_totals(comparison)}"


def _totals(comparison: RequestDiff) -> str:
    counts = [sum(change.change == kind for change in comparison.changes) for kind in _KINDS]
    counted = [f"{count(number)} {kind}" for kind, number in zip(_KINDS, counts, strict=True) if number]
    return ", ".join([*counted, f"{count(comparison.unchanged)} unchanged"])


def _by_file(comparison: RequestDiff) -> dict[str, list[tuple[str, str, list[CaseKey]]]]:
    """Return for each prompt file its rows: the kind of change, a description, and the cases to which it applies."""
    grouped: dict[str, dict[tuple[str, str], list[CaseKey]]] = {}
    for change in comparison.changes:
        rows = grouped.setdefault(change.digest.key[0], {})
        rows.setdefault((change.change, _detail(change)), []).append(change.digest.key)
    return {
        file: [
            (kind, detail, cases)
            for (kind, detail), cases in sorted(rows.items(), key=lambda row: _KINDS.index(row[0][0]))
        ]
        for file, rows in sorted(grouped.items())
    }


def _detail(change: Change) -> str:
    if change.note is not None:
        return change.note
    if change.change == "moved" and change.before is not None:
        file, case, variant = change.before.key
        here = change.digest.key
        came = [f"in {file}"] if file != here[0] else []
        return " ".join(
            ["was", *([_label((file, case, variant))] if (case, variant) != here[1:] else []), *came]
        )
    return ", ".join(change.parts)


def _hunk_title(hunk: Hunk, comparison: RequestDiff) -> str:
    return (
        f"{one_line(hunk.place)}, {plural(len(hunk.cases), 'case')}: {_named(_full_labels(hunk, comparison))}"
    )


def _full_labels(hunk: Hunk, comparison: RequestDiff) -> list[str]:
    names = {change.digest.key[0]: change.digest.prompt for change in comparison.changes}
    return [f"{names[key[0]]}/{_label(key)}" for key in hunk.cases]


def _label(key: CaseKey) -> str:
    _, case, variant = key
    return case if variant is None else f"{case}@{variant}"


def _named(names: Sequence[str], quote: Callable[[str], str] = one_line) -> str:
    shown = ", ".join(quote(name) for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {count(len(names) - _NAMED)} more"


def _notes(
    comparison: RequestDiff, quote: Callable[[str], str], recording: str | None = None
) -> Iterator[str]:
    if comparison.calls:
        command = quote(recording or f"runner test --base {comparison.rev} --record new_episodes")
        tokens = plural(comparison.size // BYTES_PER_TOKEN, "token")
        yield f"{command} would send {plural(comparison.calls, 'request')}, with about {tokens} of input"
    elif any(change.change in ("added", "changed") for change in comparison.changes):
        yield "every request that differs already has an approved answer"
    if comparison.without_cases:
        yield f"not compared, because they have no cases: {_named(comparison.without_cases, quote)}"


# --- markdown -------------------------------------------------------------------------------------------------------


def _section(hunk: Hunk, comparison: RequestDiff) -> str:
    lines, room = [], _HUNK_ROOM
    for number, line in enumerate(hunk.lines):
        text = visible(line)
        if len(text) > _LONG_LINE:
            text = f"{text[:_LONG_LINE]}… ({count(len(text) - _LONG_LINE)} more characters)"
        room -= len(text) + 1
        if room < 0:
            lines.append(f" … {plural(len(hunk.lines) - number, 'more line')}")
            break
        lines.append(text)
    body = "\n".join(lines)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    names = _named(_full_labels(hunk, comparison), _inert)
    title = f"{_prose(hunk.place)}, {plural(len(hunk.cases), 'case')}: {names}"
    return f"<details><summary>{title}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>"


def _inert(text: str) -> str:
    """Return text as code that markup cannot escape from: GitHub links mentions and references, but not in code."""
    return f"<code>{_prose(shorten(text, _LONG_NAME))}</code>"


def _prose(text: str) -> str:
    """Return text on one line, with every character that might be markup as an entity (CommonMark 2.5)."""
    return re.sub(r"[^\w ,/-]|_", lambda found: f"&#{ord(found.group())};", one_line(text))


def _fitting(texts: Sequence[str], room: int) -> list[str]:
    fitting: list[str] = []
    for text in texts:
        room -= len(text) + 2
        if room < 0:
            break
        fitting.append(text)
    return fitting


def _line_color(line: str) -> str | None:
    return {"+": _GREEN, "-": _RED}.get(line[:1])
