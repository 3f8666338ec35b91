"""A small static site from the Markdown of the tree: the same folders, `.md` turned into `.html`."""

from __future__ import annotations

import posixpath
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

__all__ = ["Page", "broken_links", "build_site", "read_pages"]

ROOT_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
SECTIONS = ("tutorial", "howto", "reference", "spec", "why")
ASSET_SUFFIXES = frozenset({".css", ".gif", ".jpg", ".json", ".png", ".svg", ".toml"})


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file.

    Attributes:
        path: relative to the root of the tree, with slashes.
        title: its first heading, or its path when it has none.
        tokens: the parsed text.
        anchors: the identifiers of its headings.
        links: the targets of its links and images, as written.
    """

    path: str
    title: str
    tokens: Sequence[Token]
    anchors: frozenset[str]
    links: tuple[str, ...]

    @property
    def target(self) -> str:
        """Where the page stands in the site."""
        return self.path.removesuffix(".md") + ".html"


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(anchors_plugin, max_level=4)


def _flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


def _attribute(token: Token, name: str) -> str:
    return str(token.attrs.get(name, ""))


def read_page(root: Path, path: str) -> Page:
    """Read and parse one file, UTF-8."""
    tokens = _parser().parse((root / path).read_text(encoding="utf-8"))
    headings = [place for place, token in enumerate(tokens) if token.type == "heading_open"]
    title = tokens[headings[0] + 1].content if headings else path
    links = [_attribute(token, "href") or _attribute(token, "src") for token in _flat(tokens)]
    return Page(
        path=path,
        title=title.replace("`", ""),
        tokens=tokens,
        anchors=frozenset(_attribute(tokens[place], "id") for place in headings),
        links=tuple(link for link in links if link),
    )


def read_pages(root: Path) -> list[Page]:
    """Read the pages at the root of the tree and all below docs/, in order of path."""
    below = sorted(path.relative_to(root).as_posix() for path in (root / "docs").rglob("*.md"))
    return [read_page(root, path) for path in (*ROOT_PAGES, *below) if (root / path).is_file()]


def _resolve(page: Page, link: str) -> tuple[str, str] | None:
    """Return path and anchor that a link of a page means, or None when it leaves the tree."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    folder = posixpath.dirname(page.path)
    path = posixpath.normpath(posixpath.join(folder, unquote(parts.path))) if parts.path else page.path
    return path, unquote(parts.fragment)


def broken_links(root: Path, pages: Sequence[Page]) -> list[str]:
    """Return each link within the tree that leads nowhere, as `page: link`."""
    known = {page.path: page for page in pages}
    broken = []
    for page in pages:
        for link in page.links:
            resolved = _resolve(page, link)
            if resolved is None:
                continue
            path, anchor = resolved
            missing_anchor = anchor and path in known and anchor not in known[path].anchors
            if path.startswith("..") or not (root / path).exists() or missing_anchor:
                broken.append(f"{page.path}: {link}")
    return broken


def _site_link(page: Page, link: str, targets: frozenset[str]) -> str | None:
    """Return a link as the site needs it, or None when the site does not hold what it means."""
    resolved = _resolve(page, link)
    if resolved is None:
        return link
    path, anchor = resolved
    if path not in targets:
        path = posixpath.join(path, "index.md")
    if path not in targets:
        return None
    here = posixpath.dirname(page.path) or "."
    relative = posixpath.relpath(path, here)
    if relative.endswith(".md"):
        relative = relative.removesuffix(".md") + ".html"
    return f"{relative}#{anchor}" if anchor else relative


def _render(page: Page, targets: frozenset[str]) -> str:
    for token in _flat(page.tokens):
        if token.type == "link_open":
            link = _site_link(page, _attribute(token, "href"), targets)
            # Source files are not part of the site; what names them stays as text.
            token.attrs = {"href": link} if link is not None else {}
    parser = _parser()
    return str(parser.renderer.render(list(page.tokens), parser.options, {}))


def _navigation(page: Page, pages: Sequence[Page]) -> list[tuple[str, list[tuple[str, str]]]]:
    here = posixpath.dirname(page.target) or "."

    def entries(chosen: Iterable[Page]) -> list[tuple[str, str]]:
        return [(posixpath.relpath(other.target, here), other.title) for other in chosen]

    groups = [("", entries(other for other in pages if posixpath.dirname(other.path) in {"", "docs"}))]
    groups += [(name, entries(o for o in pages if o.path.startswith(f"docs/{name}/"))) for name in SECTIONS]
    return [group for group in groups if group[1]]


def build_site(root: Path, output: Path, pages: Sequence[Page]) -> list[Path]:
    """Write the site into an empty folder and return the HTML files written.

    Args:
        root: of the tree.
        output: a folder; what it held before is removed.
        pages: from `read_pages`; their links are rewritten for the site.
    """
    shutil.rmtree(output, ignore_errors=True)
    assets = [path for path in (root / "docs").rglob("*") if path.suffix in ASSET_SUFFIXES]
    targets = frozenset(page.path for page in pages) | {path.relative_to(root).as_posix() for path in assets}
    loader = FileSystemLoader(Path(__file__).parent)
    template = Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html")
    written = []
    for page in pages:
        target = output / page.target
        target.parent.mkdir(parents=True, exist_ok=True)
        groups = _navigation(page, pages)
        target.write_text(
            template.render(title=page.title, body=_render(page, targets), groups=groups), encoding="utf-8"
        )
        written.append(target)
    for asset in assets:
        target = output / asset.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asset, target)
    start = output / "index.html"
    start.write_text('<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">\n', "utf-8")
    return [start, *written]
