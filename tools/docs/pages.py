"""The pages that are made from the code, so that they cannot drift from it.

To add one: write a function that returns Markdown, and name it in `PAGES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.docs.broker_states import broker_states_page
from tools.docs.command_pages import commands_page, configuration_page, metrics_page
from tools.docs.error_table import errors_page
from tools.docs.machine_tables import machines_page

__all__ = ["PAGES", "render", "stale_pages", "write_pages"]

NOTICE = "<!-- Made by `make docs` from the code: change that, not this page. -->\n\n"

# Path below docs/ -> what makes the page.
PAGES: Mapping[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/configuration.md": configuration_page,
    "reference/errors.md": errors_page,
    "reference/machines.md": machines_page,
    "reference/metrics.md": metrics_page,
    "reference/ticket-broker.md": broker_states_page,
}


def render(path: str) -> str:
    """Return one page as it should stand in its file: the notice, the text, one newline at the end."""
    return NOTICE + PAGES[path]().rstrip("\n") + "\n"


def stale_pages(folder: Path) -> list[str]:
    """Return the pages below the folder that are missing or differ from what the code says."""
    return [
        path
        for path in PAGES
        if not (folder / path).is_file() or (folder / path).read_text(encoding="utf-8") != render(path)
    ]


def write_pages(folder: Path) -> list[str]:
    """Bring the pages below the folder up to date, and return the paths of those that changed."""
    changed = stale_pages(folder)
    for path in changed:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(render(path), encoding="utf-8")
    return changed
