"""Who sees the pages, and what a browser may do with them."""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest
from starlette.types import Message

from parley.adapters.http.application import LOOPBACK_HOSTS, Application
from parley.node.commands import ALL_COMMANDS
from parley.node.registry import Registry
from parley.node.serving import build_application
from parley.node.wiring import Node
from parley.web import PAGES, pages
from parley.web.page import Asked, Page, Screen
from tests.unit.web.markup import read
from tests.unit.web.nodes import fetch, make_node, post, put

PATHS = ("/", "/query", "/peers", "/tickets", "/payments", "/metrics-page")
ONION = "http://pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:80"


def signed_in(node: Node, user: str = "parley") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{node.owner_secret}".encode()).decode()}


def test_the_navigation_leads_to_the_pages() -> None:
    assert tuple(page.path for page in PAGES) == PATHS
    assert [page.title for page in PAGES] == ["Pool", "Query", "Peers", "Tickets", "Payments", "Metrics"]


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/static/parley.css", "/static/parley.js", "/static/mark.svg"])
async def test_every_answer_is_guarded(node: Node, path: str) -> None:
    fetched = await fetch(pages(node), path)
    assert fetched.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert fetched.headers["x-frame-options"] == "DENY"
    assert fetched.headers["referrer-policy"] == "same-origin"
    assert fetched.headers["cache-control"] == "no-store"
    assert fetched.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_is_well_formed_and_says_where_one_is(node: Node, path: str) -> None:
    put(node, ("k",), '{"a": [1, "b"]}')
    page = read((await fetch(pages(node), path)).text)
    assert page.one("nav", aria_label="Pages").one("a", aria_current="page").attributes["href"] == path
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("a", class_="skip").attributes["href"] == "#main"
    assert page.one("footer").one("dd", class_="code").text() == node.identity.node_id.hex()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/static/parley.css", "text/css; charset=utf-8"),
        ("/static/parley.js", "text/javascript; charset=utf-8"),
        ("/static/mark.svg", "image/svg+xml"),
    ],
)
async def test_the_small_files_are_served(node: Node, path: str, media_type: str) -> None:
    fetched = await fetch(pages(node), path)
    assert (fetched.status, fetched.headers["content-type"]) == (200, media_type)
    assert fetched.body


@pytest.mark.parametrize("path", ["/nothing", "/peers/", "/static/", "/static/../page.py", "/templates/base.html"])
async def test_there_is_nothing_else(node: Node, path: str) -> None:
    fetched = await fetch(pages(node), path)
    assert fetched.status == 404
    assert read(fetched.text).one("h1").text() == "There is no such page"


@pytest.mark.parametrize("path", ["/", "/peers", "/tickets", "/payments", "/metrics-page", "/static/parley.css"])
async def test_nothing_can_be_sent_to_what_is_only_read(node: Node, path: str) -> None:
    fetched = await post(pages(node), path, {"key": "k"})
    assert fetched.status == 405


@pytest.mark.parametrize(
    "settings",
    [
        {"public": True},
        {"http": "0.0.0.0:7420"},
        {"http": "192.168.1.5:7420"},
        {"http": "[::]:7420"},
        {"advertise": ONION},
        {"advertise": "https://node.example:443"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/query", "/nothing"])
async def test_who_reaches_the_node_from_elsewhere_must_be_its_owner(
    tmp_path: Path, settings: dict[str, object], path: str
) -> None:
    node = make_node(tmp_path / "node", settings=settings)
    application = pages(node)
    refused = await fetch(application, path)
    assert refused.status == 401
    assert refused.headers["www-authenticate"] == 'Basic realm="parley", charset="UTF-8"'
    assert "owner_secret" in read(refused.text).one("main").text()
    assert node.identity.node_id.hex() not in refused.text
    for headers in (signed_in(node, "root"), {"authorization": "Bearer x"}, {"authorization": "Basic !"}):
        assert (await fetch(application, path, headers=headers)).status == 401
    assert (await fetch(application, path, headers=signed_in(node))).status == (404 if path == "/nothing" else 200)
    assert (await fetch(application, "/static/parley.css")).status == 200
    await node.close()


@pytest.mark.parametrize("http", ["127.0.0.1:0", "localhost:7420", "[::1]:7420", "127.8.8.8:1"])
async def test_on_the_loopback_interface_the_pages_are_open(tmp_path: Path, http: str) -> None:
    node = make_node(tmp_path / "node", settings={"http": http, "advertise": "http://127.0.0.1:9"})
    assert (await fetch(pages(node), "/")).status == 200
    await node.close()


@pytest.mark.parametrize("token", [None, "", "0" * 64, "\u00e9"])
async def test_a_form_without_the_token_does_nothing(node: Node, token: str | None) -> None:
    fields = {"keys": "k", "deepness": "1", "size_limit": "10", "max_age": ""}
    fetched = await post(pages(node), "/query", fields if token is None else {**fields, "token": token})
    assert fetched.status == 403
    assert read(fetched.text).one("h1").text() == "Please send the form once more"
    assert 'parley_pool_queries_total{asker="owner"' not in node.metrics.text().decode()


async def test_each_process_has_a_token_of_its_own(node: Node) -> None:
    tokens = {
        read((await fetch(pages(node), "/query")).text).one("input", name="token").attributes["value"] for _ in range(2)
    }
    assert {len(token) for token in tokens} == {64}
    assert len(tokens) == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "style"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
    ],
)
async def test_other_sites_may_link_to_a_page_and_no_more(node: Node, headers: dict[str, str], status: int) -> None:
    assert (await fetch(pages(node), "/", headers=headers)).status == status


async def test_behind_the_nodes_server_another_sites_form_and_a_foreign_host_are_refused(node: Node) -> None:
    application = build_application(node, Registry(ALL_COMMANDS), "127.0.0.1", pages)
    form = read((await fetch(application, "/query")).text)
    fields = {
        "token": form.one("input", name="token").attributes["value"],
        "keys": "k",
        "deepness": "1",
        "size_limit": "10",
        "max_age": "",
    }
    own = await post(application, "/query", fields, {"origin": "http://127.0.0.1:7420"})
    foreign = await post(application, "/query", fields, {"origin": "http://attacker.example"})
    rebound = await fetch(application, "/", headers={"host": "attacker.example"})
    assert (own.status, foreign.status, rebound.status) == (200, 403, 421)


async def test_the_pages_stand_behind_exact_routes(node: Node) -> None:
    application = Application((), pages=pages(node), host_names=LOOPBACK_HOSTS)
    head = await fetch(application, "/", method="HEAD")
    assert head.status == 200
    assert head.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/?" + "&".join(f"a{n}=1" for n in range(40)), "/?\u00e9=1"])
async def test_an_address_that_cannot_be_read_is_said_to_be(node: Node, path: str) -> None:
    fetched = await fetch(pages(node), path)
    assert fetched.status == 400
    assert read(fetched.text).one("h1").text() == "This address cannot be read"


async def test_a_bug_in_a_page_shows_an_id_and_nothing_of_the_bug(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    async def fail(node: Node, asked: Asked) -> Screen:
        del node, asked
        raise ZeroDivisionError("the secret of the bug")

    page = Page(path="/broken", title="Broken", render=fail)
    with caplog.at_level(logging.CRITICAL, logger="parley.node"):
        fetched = await fetch(pages(node, (*PAGES, page)), "/broken")
    assert fetched.status == 500
    seen = read(fetched.text)
    assert "internal error (error_id=" in seen.one("main").text()
    assert "secret of the bug" not in fetched.text
    assert seen.one("nav", aria_label="Pages").one("a", aria_current="page").text() == "Broken"


async def test_a_capability_adds_a_page_by_one_entry(node: Node) -> None:
    async def render(node: Node, asked: Asked) -> Screen:
        del node
        return Screen("notice.html", {"heading": asked.first("who"), "text": "x", "next_step": ""})

    application = pages(node, (*PAGES, Page(path="/swaps", title="Swaps", render=render)))
    page = read((await fetch(application, "/swaps?who=%3Cb%3E")).text)
    assert page.one("h1").text() == "<b>"
    assert [one.text() for one in page.one("nav", aria_label="Pages").every("a")][-1] == "Swaps"


async def test_what_is_no_request_is_not_answered(node: Node) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await pages(node)({"type": "websocket", "path": "/", "headers": []}, receive, send)
    assert sent == []
