"""`python -m runner`, and the console script `runner`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from .cli.main import cli

    sys.exit(cli(prog_name="runner"))


if __name__ == "__main__":
    main()
