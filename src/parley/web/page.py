"""What a page is: a path, a title, and a function from what was asked to what is shown.

A capability adds its page by one more `Page` in `parley.web.application.PAGES` and one template.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from parley.errors import ParleyError, Rejected
from parley.node.wiring import Node

__all__ = ["Asked", "Page", "Screen", "link_to", "notice", "refusal_notice"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page.

    Attributes:
        fields: names and values from the address, or from the form where one was sent; a name may repeat.
        is_form: whether a form was sent. It came from a page of this node: its token was right.
    """

    fields: tuple[tuple[str, str], ...] = ()
    is_form: bool = False

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a name, in their order."""
        return tuple(value for known, value in self.fields if known == name)

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a name."""
        return next((value for known, value in self.fields if known == name), default)

    def number(self, name: str, default: int, *, limit: int) -> int:
        """Return a value as a whole number in 0..limit; the default for what is none."""
        text = self.first(name)
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(limit))
        return min(int(text), limit) if is_number else default


@dataclass(frozen=True, slots=True)
class Screen:
    """What to show.

    Attributes:
        template: file in `templates/`.
        values: what the template names. Texts from records and peers are escaped there, by `shown` and `block`.
        status: of HTTP.
    """

    template: str
    values: Mapping[str, Any]
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One entry of the navigation.

    Attributes:
        path: begins with a slash; none that the node's server answers itself.
        title: one or two words.
        render: makes the screen.
        takes_form: whether a form may be sent to the path.
        is_live: whether the reader is offered to see it again every few seconds.
    """

    path: str
    title: str
    render: Callable[[Node, Asked], Awaitable[Screen]]
    takes_form: bool = False
    is_live: bool = False


def link_to(path: str, **fields: str | int | tuple[str, ...]) -> str:
    """Return an address within the page; whatever the values hold is encoded."""
    query = urlencode(fields, doseq=True)
    return f"{path}?{query}" if query else path


def notice(heading: str, text: str, next_step: str = "", *, status: int) -> Screen:
    """Return a screen that says one thing."""
    return Screen("notice.html", {"heading": heading, "text": text, "next_step": next_step}, status)


def refusal_notice(refusal: Rejected | ParleyError, *, status: int) -> Screen:
    """Return a screen that says why not, in our own words, and what to do."""
    return notice("This cannot be shown", f"{refusal}.", refusal.code.next_step, status=status)
