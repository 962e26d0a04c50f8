"""`python -m runner`, and the console script `runner`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        from .cli.main import cli

        code = cli(prog_name="runner")
    except KeyboardInterrupt:  # while modules are loaded; later the command line takes care of it
        sys.stderr.write("interrupted\n")
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
