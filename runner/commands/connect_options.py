"""Connect a command to endpoints: choose the HTTP library, and check whether this project may send keys to them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..endpoints.prices import ListedPrice, require_price_list
from ..engine.plan.job import Unit
from ..regress.modes import is_ci
from ..report.terminal.outlet import print_line
from ..workspace import Workspace

if TYPE_CHECKING:
    from ..endpoints.connect import Connection
    from ..endpoints.model_files import Progress
    from ..engine.trust import Disclosure, Trust

__all__ = ["ConnectOptions"]


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """The options `--transport` and `--trust`. `confirm` asks the person at the terminal a yes-or-no question.

    `sends`: false for a command that sends nothing, which needs neither keys nor trust; `asks`: such a command makes the
    calls that assertions need, all the same.
    """

    confirm: Callable[[str], bool]
    trusted: bool = False
    transport: str = "auto"
    sends: bool = True
    asks: bool = False

    def connect(
        self, workspace: Workspace, units: Iterable[Unit], on_download: Progress | None = None
    ) -> dict[str, Connection]:
        """Return the connections of the endpoints that units need. See Workspace.connect.

        Raises ConfigError as well if a price is to be looked up in a list that is not installed.
        """
        units = tuple(units)
        if any(isinstance(unit.price, ListedPrice) for unit in units):
            require_price_list()
        sends = self.sends or (self.asks and any(unit.asks and unit.asks.units for unit in units))
        trust = self.trust_in(workspace) if sends else None
        return workspace.connect(
            units, trust=trust, transport=self.transport, on_download=on_download, keys=sends
        )

    def trust_in(self, workspace: Workspace) -> Trust:
        """Return the trust in a project: given by --trust, or else requested from the person at the terminal, if any."""
        from ..engine.trust import Trust  # only for commands that send requests

        asks = sys.stdin.isatty() and sys.stderr.isatty() and not is_ci(os.environ)
        file = workspace.env_file
        # A file may decide where its own key is sent, but not where a key of the environment is sent.
        own_key = file is None or os.environ.get("OPENAI_API_KEY")
        environ = os.environ if own_key or file is None else file.beside(os.environ)
        ask = self._ask if asks else None
        note = partial(print_line, err=True)
        return Trust(workspace.root, environ, given=self.trusted, ask=ask, note=note)

    def _ask(self, root: Path, needed: Sequence[Disclosure]) -> bool:
        print_line(f"{root} is not trusted on this machine. It would send", err=True)
        for each in needed:
            print_line(f"  {each}  ({each.location})", err=True)
        return self.confirm("Allow this, now and in future?")
