"""The commands that the command line brings itself."""

from __future__ import annotations

from typing import Final

from parley.cli.completion import COMPLETION
from parley.cli.paying import PAY
from parley.cli.watching import WATCH

__all__ = ["COMMANDS"]

COMMANDS: Final = (WATCH, PAY, COMPLETION)
