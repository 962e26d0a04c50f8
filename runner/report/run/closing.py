"""Render the end of a run with rich: its answers, its matrix of variants, its failures, its last line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ...engine.journal.counters import Counters
from ..terminal.figures import count, dollars, duration, plural
from ..terminal.terminal_text import cell_width, shorten, visible, wrapped
from .digest import SMALL, Digest, Failure, Next, RecordRow, Totals

__all__ = [
    "STYLES",
    "answers",
    "failures",
    "last_line",
    "matrix",
    "next_steps",
    "prompt_totals",
]

STYLES = {"pass": "green", "FAIL": "bold red", "ERROR": "bold yellow"}

_LINES = 24  # lines of answers, shared by the records of a small run


def answers(digest: Digest) -> RenderableType | None:
    """Return each record of a small run with the beginning of its answer; None for a larger run."""
    if not 0 < digest.seen <= SMALL:
        return None
    lines = max(2 if digest.seen <= _LINES // 2 else 1, _LINES // digest.seen)
    one_prompt = len({row.prompt for row in digest.rows}) == 1
    grid = Table.grid(padding=(0, 2, 0, 0), expand=False)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, max_width=36)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True, justify="right")
    for row in sorted(digest.rows, key=lambda row: (row.prompt, row.name)):
        name = row.name if one_prompt else f"{row.prompt}/{row.name}"
        grid.add_row(
            Text(row.status, STYLES[row.status]),
            Text(shorten(visible(name), 36)),
            _said(row, lines),
            Text(row.note, "dim"),
        )
    return _indented(grid)


def matrix(digest: Digest, *, width: int) -> RenderableType | None:
    """Return a matrix: cases are rows, variants are columns. None with one variant. Beyond 40 cases, rows are prompts.

    If the variants do not fit into `width` columns, they become the rows, with their totals only.
    """
    if len(digest.variants) < 2:
        return None
    rows: Mapping[str, Mapping[str | None, Totals]]
    if digest.cases_whole:
        one_prompt = len(digest.prompts) == 1
        rows = {
            case if one_prompt else f"{prompt}/{case}": cells
            for (prompt, case), cells in digest.cases.items()
        }
    else:
        rows = digest.prompts
    names = {variant: visible(variant or "no variant") for variant in digest.variants}
    labels = {row: shorten(visible(row), 40) for row in rows}
    across = (
        max(map(cell_width, labels.values()))
        + sum(max(9, cell_width(name)) + 3 for name in names.values())
        + 2
    )
    if across > width:
        return _indented(_variants_down(digest, names))
    table = _table()
    table.add_column(no_wrap=True)
    for name in names.values():
        table.add_column(Text(name), no_wrap=True)
    for row, cells in rows.items():
        table.add_row(Text(labels[row]), *(_cell(cells.get(variant)) for variant in names))
    table.add_row()
    for caption, of in (("passed", _share), ("rate", _rate), ("cost", _cost), ("mean time", _mean)):
        shown = [of(tally) for tally in digest.variants.values()]
        if any(shown):
            table.add_row(Text(caption, "dim"), *(text or Text("-", "dim") for text in shown))
    unplaced = None if digest.cases_whole or digest.prompts_whole else _unplaced()
    return _indented(Group(table, unplaced) if unplaced else table)


def prompt_totals(digest: Digest) -> RenderableType | None:
    """Return passed, failed and errors of each prompt; None for a small run or one prompt, or if the matrix has them."""
    if digest.seen <= SMALL or len(digest.prompts) < 2 or len(digest.variants) > 1:
        return None
    table = _table()
    table.add_column("prompt", no_wrap=True)
    for caption in ("passed", "failed", "errors"):
        table.add_column(caption, justify="right", no_wrap=True)
    for prompt, cells in digest.prompts.items():
        (tally,) = cells.values()
        table.add_row(Text(shorten(visible(prompt), 50)), *_totals(tally))
    return _indented(table if digest.prompts_whole else Group(table, _unplaced()))


def failures(digest: Digest, *, results: str | None) -> Iterator[RenderableType]:
    """Yield the failures, equal ones merged, each with its input, the expected and the actual value; then a count."""
    for failure in digest.failures:
        yield _explained(failure)
    if digest.unexplained:
        text = f"and {count(digest.unexplained)} more that failed differently"
        yield Text(text + (f": see {results}" if results else ""), "bold")


def last_line(
    digest: Digest,
    counters: Counters,
    *,
    seconds: float,
    width: int | None = None,
) -> Text:
    """Return the last line: `6 passed, 1 failed, 0 errors (1 cached) in 3.2 s · 1,234 tokens · $0.0012`.

    Parts that do not fit into `width` columns go to another line, so that no number is broken.
    """
    line = Text()
    if counters.total is not None and counters.done < counters.total:
        line.append(f"stopped after {count(counters.done)} of {count(counters.total)}", "bold yellow").append(
            ": "
        )
    whole = counters.passed == counters.done == counters.total
    line.append(f"{count(counters.passed)} passed", "bold green" if whole and counters.passed else "")
    line.append(", ").append(f"{count(counters.failed)} failed", "bold red" if counters.failed else "")
    line.append(", ").append(plural(counters.errors, "error"), "bold yellow" if counters.errors else "")
    if counters.cached:
        line.append(f" ({count(counters.cached)} cached)")
    line.append(f" in {duration(seconds)}")
    tokens = counters.prompt_tokens + counters.completion_tokens
    rest = [plural(tokens, "token")] if tokens else []
    answers = counters.passed + counters.failed
    if (digest.sampled or digest.seen > SMALL) and len(digest.variants) < 2 and answers:
        rest.insert(0, f"{100 * counters.passed / answers:.1f} % passed")
    if counters.retries:
        rest.append("1 retry" if counters.retries == 1 else f"{count(counters.retries)} retries")
    if counters.cost is not None:
        # Answers without a known price make the sum a lower bound.
        rest.append(("at least " if digest.unpriced else "") + dollars(counters.cost))
    taken = line.cell_len
    for part in rest:
        beside = width is None or taken + 3 + cell_width(part) <= width
        line.append(" · " if beside else "\n", "dim").append(part, "dim")
        taken = taken + 3 + cell_width(part) if beside else cell_width(part)
    return line


def next_steps(digest: Digest, after: Next, *, width: int | None = None) -> Iterator[Text]:
    """Yield the place of the results and the commands that a person is likely to want next: the last lines."""
    if after.results is not None:
        yield Text(f"results: {visible(after.results)}", "dim")
    if after.show is not None and (digest.not_passed or digest.seen > SMALL):
        what, option = ("what failed", " --failed") if digest.not_passed else ("the answers", "")
        yield Text(f"to see {what}: {after.show}{option}")
    if after.stopped is not None:
        for part in wrapped(f"stopped early: {visible(after.stopped)}", width):
            yield Text(part, "bold yellow")
    if after.resume is not None:
        yield Text(f"to resume: {after.resume}")


@dataclass(frozen=True, slots=True)
class _Clipped:
    """Text wrapped to the available width and cut to its first `lines` lines; an ellipsis marks the cut."""

    text: Text
    lines: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        wrapped = self.text.wrap(console, options.max_width)
        for number, line in enumerate(wrapped[: self.lines], 1):
            line.rstrip()
            if number == self.lines < len(wrapped):
                line.truncate(options.max_width - 2)
                line.append(" …", "dim")
            yield line

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self.text)


def _said(row: RecordRow, lines: int) -> RenderableType:
    if row.text is None:
        return Text("(no text)", "dim")
    text = visible(row.text.strip())
    if not text:
        return Text("(empty)", "dim")
    return _Clipped(
        Text(text, "" if row.status == "pass" else STYLES[row.status].removeprefix("bold ")), lines
    )


def _explained(failure: Failure) -> RenderableType:
    title = Text.assemble((failure.status, STYLES[failure.status]), "  ", (visible(failure.label), "bold"))
    if failure.number > 1:
        others = ", ".join(visible(name) for name in failure.alike)
        such = ": " if len(failure.alike) == failure.number - 1 else ", such as "
        title.append(f"  and {count(failure.number - 1)} more{such}{others}")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", max_width=32, overflow="fold")
    grid.add_column(overflow="fold")
    if failure.input is not None:
        grid.add_row(Text("input"), _Clipped(Text(visible(failure.input)), 3))
    for caption, text in failure.facts:
        grid.add_row(Text(visible(caption)), _Clipped(Text(visible(text)), 8))
    if failure.answer is not None:
        said = visible(failure.answer.strip())
        grid.add_row(Text("answer"), _Clipped(Text(said), 6) if said else Text("(empty)", "dim"))
    return Group(title, _indented(grid))


def _variants_down(digest: Digest, names: Mapping[str | None, str]) -> Table:
    table = _table()
    table.add_column("variant", overflow="fold")
    for caption in ("passed", "failed", "errors", "rate", "cost", "mean time"):
        table.add_column(caption, justify="right", no_wrap=True)
    for variant, tally in digest.variants.items():
        table.add_row(
            Text(names[variant]),
            *_totals(tally),
            _rate(tally) or Text("-", "dim"),
            _cost(tally) or Text("-", "dim"),
            _mean(tally) or Text("-", "dim"),
        )
    return table


def _table() -> Table:
    return Table(box=None, show_edge=False, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")


def _indented(renderable: RenderableType) -> Padding:
    return Padding(renderable, (0, 0, 0, 2), expand=False)


def _unplaced() -> Text:
    return Text("and more; this table is cut, results.jsonl is complete", "dim")


def _cell(tally: Totals | None) -> Text:
    if tally is None:
        return Text("-", "dim")
    return Text(tally.word, _color(tally)) if tally.total == 1 else _share(tally)


def _share(tally: Totals) -> Text:
    return Text(f"{count(tally.passed)}/{count(tally.total)}", _color(tally))


def _color(tally: Totals) -> str:
    return "red" if tally.failed else "yellow" if tally.errors else "green"


def _rate(tally: Totals) -> Text | None:
    """Return the share of the answers that passed; cases without an answer do not count."""
    answers = tally.passed + tally.failed
    return Text(f"{100 * tally.passed / answers:.1f} %") if answers else None


def _totals(tally: Totals) -> tuple[Text, Text, Text]:
    return (
        Text(count(tally.passed)),
        Text(count(tally.failed), "red" if tally.failed else "dim"),
        Text(count(tally.errors), "yellow" if tally.errors else "dim"),
    )


def _cost(tally: Totals) -> Text | None:
    return None if tally.cost is None else Text(dollars(tally.cost))


def _mean(tally: Totals) -> Text | None:
    return Text(duration(tally.seconds / tally.timed)) if tally.timed else None
