"""Reads a page as a browser would, and finds what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"input", "link", "meta"})
SHAPES = frozenset({"circle", "path", "rect"})


@dataclass
class Element:
    """One element and what is in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    texts: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    def text(self) -> str:
        """Return all text in it, spaces as one."""
        return " ".join("".join(self.raw_texts()).split())

    def raw_texts(self) -> list[str]:
        """Return all text in it, as it stands."""
        found: list[str] = []
        for piece in self.texts:
            if piece.startswith("\0"):
                found += self.children[int(piece[1:])].raw_texts()
            else:
                found.append(piece)
        return found

    def every(self, tag: str = "", **attributes: str) -> list[Element]:
        """Return all elements in it of a tag and with these attributes; `class_` is one of the classes."""
        found = []
        for child in self.children:
            is_wanted = tag in ("", child.tag) and all(child.has(name, value) for name, value in attributes.items())
            found += [child] if is_wanted else []
            found += child.every(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> Element:
        """Return the only element of its kind."""
        found = self.every(tag, **attributes)
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]

    def has(self, name: str, value: str) -> bool:
        """Say whether it has an attribute of that value."""
        if name == "class_":
            return value in self.attributes.get("class", "").split()
        return self.attributes.get(name.replace("_", "-")) == value


class _Reader(HTMLParser):
    """Builds the tree and notes what a browser would have to mend."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.open = self.root
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"an attribute of {tag} repeats")
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open)
        self.open.texts.append(f"\0{len(self.open.children)}")
        self.open.children.append(element)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SHAPES:
            self.faults.append(f"<{tag}/>")
        self.handle_starttag(tag, attrs)
        self.open = self.open.parent or self.root

    def handle_endtag(self, tag: str) -> None:
        if self.open.tag != tag:
            self.faults.append(f"</{tag}> ends {self.open.tag}")
        self.open = self.open.parent or self.root

    def handle_data(self, data: str) -> None:
        self.open.texts.append(data.replace("\0", ""))


def read(html: str) -> Element:
    """Return the tree of a page that has no fault.

    Checked: tags are balanced, ids are unique and those referred to exist, no script, style or handler stands in the
    page, nothing is fetched from elsewhere, every field has a label, there is one main heading.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    root = reader.root
    faults = [*reader.faults, *(["not all is closed"] if reader.open is not root else [])]
    ids = [element.attributes["id"] for element in root.every() if "id" in element.attributes]
    faults += [f"the id {name} repeats" for name in ids if ids.count(name) > 1]
    for element in root.every():
        faults += _faults_of(element, ids)
    faults += [] if len(root.every("h1")) == 1 else ["not one main heading"]
    assert faults == []
    return root


def _faults_of(element: Element, ids: list[str]) -> list[str]:
    attributes = element.attributes
    faults = [f"inline {name}" for name in attributes if name == "style" or name.startswith("on")]
    faults += ["an inline script or style"] * (element.tag in {"script", "style"} and bool(element.text()))
    faults += [
        f"{name} leads elsewhere: {attributes[name]}"
        for name in ("href", "src", "action")
        if name in attributes
        and not (attributes[name].startswith(("/", "#")) and not attributes[name].startswith("//"))
    ]
    for name in ("for", "aria-labelledby", "aria-describedby"):
        faults += [f"{name} names {wanted}" for wanted in attributes.get(name, "").split() if wanted not in ids]
    if element.tag in {"input", "select", "textarea"} and attributes.get("type") not in {"hidden", "checkbox"}:
        root = element
        while root.parent is not None:
            root = root.parent
        faults += [] if root.every("label", **{"for": attributes["id"]}) else [f"{attributes['id']} has no label"]
    return faults
