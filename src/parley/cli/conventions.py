"""What the program is called, and what its exit codes mean."""

from __future__ import annotations

from typing import Final

__all__ = ["DONE", "FAILED", "PROGRAM_NAME", "WRONG_USAGE"]

PROGRAM_NAME: Final = "parley"
"""In help, in completion and in errors, also when started as `python -m parley`."""

DONE: Final = 0
"""Exit code: it was done."""
FAILED: Final = 1
"""Exit code: it was refused, failed, or interrupted."""
WRONG_USAGE: Final = 2
"""Exit code: the command line is wrong; nothing was tried."""
