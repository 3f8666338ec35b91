"""Bring the generated pages up to date, check every link, and write the site into build/docs."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs.pages import write_pages
from tools.docs.site import broken_links, build_site, read_pages

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Do it, tell what changed, and return the exit status: 1 when a link leads nowhere."""
    for path in write_pages(ROOT / "docs"):
        print(f"updated docs/{path}")
    pages = read_pages(ROOT)
    broken = broken_links(ROOT, pages)
    for link in broken:
        print(f"leads nowhere: {link}", file=sys.stderr)
    written = build_site(ROOT, ROOT / "build" / "docs", pages)
    print(f"{len(written)} pages in build/docs; start with build/docs/index.html")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
