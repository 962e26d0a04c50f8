"""`python -m runner`, and the console script `runner`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from .cli.main import cli

        code = cli(prog_name="runner")
    except KeyboardInterrupt:  # while modules are loaded; later the command line handles it
        sys.stderr.write("interrupted\n")
        code = 130
    sys.exit(code)


def _import_nothing_from_here() -> None:
    """Remove the current folder from the import path: `python -m` puts it first, and it may be a stranger's."""
    first = Path(sys.path[0]).absolute() if sys.path else None
    if first == Path.cwd() and first != Path(__file__).absolute().parents[1]:
        del sys.path[0]


if __name__ == "__main__":
    _import_nothing_from_here()
    main()
