"""What `--isolate` costs: the start of a process, each rendering, and a command as a whole, with and without it.

Also how a run of many prompts fares with one process for all of them and with one for each.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from runner.documents.documents import parse_document
from runner.files.disk.tree import MemoryTree
from runner.files.model import Prompt
from runner.isolation.isolated_sandbox import Isolation
from runner.render.sandbox import IN_PROCESS, Sandbox
from runner.render.templates import compile_prompt

PROMPTS = 50
ROWS = (1, 10_000)
CONTENTS = {
    "one variable in a sentence": ("Answer in one word: {{ text }}",),
    "three messages, loop and include": (
        "You are {{ role }}. {% include 'tone' %}",
        "{% for example in examples %}{{ loop.index }}. {{ example }}\n{% endfor %}",
        "{{ text | trim }}",
    ),
    "a text of 10,000 characters": ("Summarize: {{ text * 500 }}",),
    "a value of 100,000 characters": ("Summarize: {{ long }}",),
}
VALUES = {
    "text": "I want my money back",
    "role": "kind",
    "examples": ["one", "two", "three"],
    "long": "Parcel 7 has not come. " * 4348,
}


def prompt_of(contents: tuple[str, ...]) -> Prompt:
    text = json.dumps({"messages": [{"role": "user", "content": content} for content in contents]})
    document = parse_document(text.encode(), "p.prompt.yaml")
    tree = MemoryTree({"tone": b"Be {{ role }}.\n"})
    request = {"messages": document.value["messages"]}
    return Prompt("p.prompt.yaml", "p.prompt.yaml", "p", request, document, tree)


def microseconds(work: Callable[[], object], seconds: float = 0.5) -> float:
    """The median of several rounds, so that a busy machine matters less."""
    work()
    rounds = []
    for _ in range(7):
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds / 7:
            work()
            count += 1
        rounds.append((time.perf_counter() - started) / count * 1e6)
    return statistics.median(rounds)


def rendering(sandbox: Sandbox, contents: tuple[str, ...]) -> float:
    compiled = compile_prompt(prompt_of(contents), sandbox=sandbox)
    values = {name: VALUES[name] for name in compiled.variables}
    return microseconds(lambda: compiled.render(values))


def start() -> float:
    started = time.perf_counter()
    with Isolation() as isolation:
        isolation.start()
        return (time.perf_counter() - started) * 1000


def run(*, processes: int) -> float:
    """Milliseconds to compile and render PROMPTS prompts once each."""
    started = time.perf_counter()
    isolations = [Isolation() for _ in range(processes)]
    for number in range(PROMPTS):
        contents = (f"{number}: {{{{ text }}}}", *CONTENTS["three messages, loop and include"])
        sandbox = isolations[number % processes]
        compiled = compile_prompt(prompt_of(contents), sandbox=sandbox)
        compiled.render({name: VALUES[name] for name in compiled.variables})
    for isolation in isolations:
        isolation.close()
    return (time.perf_counter() - started) * 1000


def command(root: Path, rows: int, *options: str) -> float:
    """Seconds of `runner run --dry-run`, which renders each of so many rows twice."""
    (root / "p.prompt.yaml").write_text(
        'model: m\nmessages: [{role: user, content: "Ticket {{ n }}: {{ text }}"}]\n'
    )
    lines = (json.dumps({"n": n, "text": "Parcel has not come. " * 10}) for n in range(rows))
    (root / "rows.jsonl").write_text("\n".join(lines))
    words = [sys.executable, "-m", "runner", "run", "--dry-run", "--input", "rows.jsonl", *options]
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(words, cwd=root, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    print(f"start of a process: {statistics.median(start() for _ in range(9)):.0f} ms\n")
    print(f"{'µs a rendering':34} {'in process':>10} {'isolated':>10} {'more':>7}")
    with Isolation() as isolation:
        for name, contents in CONTENTS.items():
            here, there = rendering(IN_PROCESS, contents), rendering(isolation, contents)
            print(f"{name:34} {here:10.0f} {there:10.0f} {there - here:+7.0f}")
    print(f"\n{PROMPTS} prompts, compiled and rendered once, with one process: {run(processes=1):.0f} ms")
    print(f"{PROMPTS} prompts, compiled and rendered once, with one each:    {run(processes=PROMPTS):.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        print(f"\n{'runner run --dry-run, seconds':34} {'in process':>10} {'isolated':>10}")
        for rows in ROWS:
            here, there = command(Path(folder), rows), command(Path(folder), rows, "--isolate")
            print(f"{f'{rows:,} rows':34} {here:10.2f} {there:10.2f}")


if __name__ == "__main__":
    main()
