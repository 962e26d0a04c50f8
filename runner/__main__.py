"""`python -m runner`, and the console script `runner`."""

from __future__ import annotations

import os
import sys


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
    # `runner --version` needs no pathlib, and importing it takes longer than everything here.
    first = os.path.abspath(sys.path[0]) if sys.path else None  # noqa: PTH100
    package = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    if first == os.getcwd() and first != os.path.dirname(package):  # noqa: PTH109, PTH120
        del sys.path[0]


if __name__ == "__main__":
    _import_nothing_from_here()
    main()
