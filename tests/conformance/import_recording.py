"""Records anew what the real tools make of the files in `import/`; see `import/record.md`. It is no test, and CI does not run it.

NODE_MODULES names the folder with promptfoo and dotprompt, NODE the program, PROMPTY_PYTHON a Python with prompty.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent / "import"


def known(kind: str) -> list[dict[str, Any]]:
    with (HERE / f"{kind}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def of_tool(record: dict[str, Any]) -> bool:
    """Whether a record is the tool's; what it cannot render is written by hand, or refused."""
    return record.get("tool") not in ("none", "by hand")


def run(command: list[str], **options: Any) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def promptfoo(record: dict[str, Any]) -> dict[str, Any]:
    config = HERE / record["file"]
    spec = yaml.safe_load(config.read_text(encoding="utf-8"))
    spec["providers"] = ["echo"]
    tests = spec.get("tests", [])
    for part in (spec.get("defaultTest") or {}, *(tests if isinstance(tests, list) else ())):
        part.pop("assert", None)
    with tempfile.TemporaryDirectory() as folder:
        made = config.with_name(".recording.yaml")
        made.write_text(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), encoding="utf-8")
        try:
            out = Path(folder) / "out.json"
            environ = {
                **os.environ, "PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1",
                "PROMPTFOO_CONFIG_DIR": folder,
            }  # fmt: skip
            main = Path(os.environ["NODE_MODULES"]) / "promptfoo" / "dist" / "src" / "main.js"
            subprocess.run(
                [os.environ["NODE"], str(main), "eval", "-c", str(made), "-o", str(out), "--no-write", "--no-cache"],
                cwd=config.parent, env=environ, capture_output=True, check=False,
            )  # fmt: skip
            results = json.loads(out.read_text(encoding="utf-8"))["results"]["results"]
        finally:
            made.unlink()
    rendered = [
        (each["promptIdx"], each["testIdx"], (each.get("response") or {}).get("output")) for each in results
    ]
    return {**record, "rendered": sorted(rendered)}


DOTPROMPT = """
const {Dotprompt} = require(process.env.NODE_MODULES + '/dotprompt');
const fs = require('fs');
const [file, input] = process.argv.slice(1);
const path = require('path');
const partials = {};
for (const each of fs.readdirSync(path.dirname(file)))
  if (each.startsWith('_')) partials[each.slice(1, -'.prompt'.length)] = fs.readFileSync(path.join(path.dirname(file), each), 'utf8');
new Dotprompt({partials}).render(fs.readFileSync(file, 'utf8'), {input: JSON.parse(input)})
  .then(r => console.log(JSON.stringify(r.messages)));
"""


def dotprompt(record: dict[str, Any]) -> dict[str, Any]:
    command = [
        os.environ["NODE"],
        "-e",
        DOTPROMPT,
        str(HERE / record["file"]),
        json.dumps(record["input"]),
    ]
    return {**record, "messages": json.loads(run(command))}


PROMPTY = """
import json, os, re, sys
import prompty
text = open(sys.argv[1], encoding="utf-8").read()
for name in re.findall(r"\\$\\{env:([A-Za-z_0-9]+)", text, re.I):
    os.environ.setdefault(name, "ENVVAL")
print(json.dumps(prompty.prepare(prompty.load(sys.argv[1]), json.loads(sys.argv[2]))))
"""


def prompty(record: dict[str, Any]) -> dict[str, Any]:
    command = [
        os.environ["PROMPTY_PYTHON"],
        "-c",
        PROMPTY,
        str(HERE / record["file"]),
        json.dumps(record["inputs"]),
    ]
    return {**record, "messages": json.loads(run(command))}


# promptfoo's buildFunctionBody and handleJavascript (src/assertions/javascript.ts), with what they make of the result.
JAVASCRIPT = """
const {code, answers} = JSON.parse(process.argv[1]);
const trimmed = code.trim().replace(/;+\\s*$/, '');
const last = trimmed.lastIndexOf(';');
const body = code.trimEnd().includes('\\n') ? code
  : /^(const|let|var)\\s/.test(trimmed) ? trimmed.slice(0, last + 1) + ' return ' + trimmed.slice(last + 1)
  : 'return ' + trimmed;
console.log(JSON.stringify(answers.map(([output, vars]) => {
  try {
    const result = new Function('output', 'context', body)(output, {vars});
    if (typeof result === 'boolean') return result;
    if (typeof result === 'number') return result > 0;
    return typeof result === 'object' && result !== null && result.pass === true;
  } catch { return false; }
})));
"""


def javascript(record: dict[str, Any]) -> dict[str, Any]:
    asked = json.dumps({"code": record["code"], "answers": record["answers"]})
    return {**record, "passed": json.loads(run([os.environ["NODE"], "-e", JAVASCRIPT, asked]))}


RECORDERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "promptfoo": promptfoo,
    "dotprompt": dotprompt,
    "prompty": prompty,
    "javascript": javascript,
}


def main(kinds: list[str]) -> None:
    for kind in kinds or list(RECORDERS):
        made = [RECORDERS[kind](record) if of_tool(record) else record for record in known(kind)]
        lines = [json.dumps(each, ensure_ascii=False) for each in made]
        (HERE / f"{kind}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{kind}: {len(made)} recorded")


if __name__ == "__main__":
    main(sys.argv[1:])
