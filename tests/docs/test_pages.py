"""The documents hold together: generated pages are fresh, links lead somewhere, the site builds."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools.docs.build import ROOT
from tools.docs.pages import PAGES, render, stale_pages, write_pages
from tools.docs.site import broken_links, build_site, read_pages


class Addresses(HTMLParser):
    """Collects what a page of the site links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "href" and tag == "a" and value]


def addresses(path: Path) -> list[str]:
    parser = Addresses()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.found


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "why").mkdir(parents=True)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("x = 1\n")
    (tmp_path / "README.md").write_text("# Top\n\n[docs](docs/index.md)\n")
    (tmp_path / "docs" / "index.md").write_text(
        "# Start\n\n## One thing\n\n[a](why/a.md#a-b) [own](#one-thing) [code](../src/code.py) [out](https://example.org)\n"
    )
    (tmp_path / "docs" / "why" / "a.md").write_text("# A `b`\n\n[up](../index.md)\n")
    return tmp_path


def test_generated_pages_are_up_to_date() -> None:
    assert stale_pages(ROOT / "docs") == [], "run: make docs"


def test_a_page_that_was_changed_by_hand_is_stale_until_written(tmp_path: Path) -> None:
    assert write_pages(tmp_path) == list(PAGES)
    page = tmp_path / "reference" / "errors.md"
    page.write_text(page.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    assert stale_pages(tmp_path) == ["reference/errors.md"]
    assert write_pages(tmp_path) == ["reference/errors.md"]
    assert stale_pages(tmp_path) == []


def test_the_page_of_errors_has_json_rpc_parse_error_with_its_standard_number() -> None:
    assert "| -32700 | `PARSE_ERROR` |" in render("reference/errors.md")


def test_every_link_in_the_tree_leads_somewhere() -> None:
    pages = read_pages(ROOT)
    assert {"README.md", "docs/index.md"} <= {page.path for page in pages}
    assert broken_links(ROOT, pages) == []


def test_lawful_links_pass(small_tree: Path) -> None:
    assert broken_links(small_tree, read_pages(small_tree)) == []


@pytest.mark.parametrize("link", ["missing.md", "#no-such-heading", "why/a.md#nothing", "../../outside.md"])
def test_a_link_that_leads_nowhere_is_named(small_tree: Path, link: str) -> None:
    (small_tree / "docs" / "index.md").write_text(f"# Start\n\n[x]({link})\n")
    assert broken_links(small_tree, read_pages(small_tree)) == [f"docs/index.md: {link}"]


def test_links_of_the_site_lead_to_its_own_pages(small_tree: Path, tmp_path: Path) -> None:
    written = build_site(small_tree, tmp_path / "site", read_pages(small_tree))
    start = tmp_path / "site" / "docs" / "index.html"
    assert start in written
    found = addresses(start)
    assert {"why/a.html#a-b", "index.html#one-thing", "https://example.org"} <= set(found)
    assert not any("code.py" in address for address in found)


def test_the_site_of_this_tree_has_no_link_that_leads_nowhere(tmp_path: Path) -> None:
    missing = [
        f"{page.relative_to(tmp_path)}: {address}"
        for page in build_site(ROOT, tmp_path / "site", read_pages(ROOT))
        for address in addresses(page)
        if "://" not in address and not (page.parent / address.partition("#")[0]).is_file()
    ]
    assert missing == []
