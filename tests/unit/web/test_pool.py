"""The tree of keys and the records: what is held is found, what is nasty stays text."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from parley.node.wiring import Node
from parley.testing.clock import VirtualClock
from parley.web import pages
from tests.unit.web.markup import Element, read
from tests.unit.web.nodes import HOUR_MS, START, author, fetch, make_node, put

NASTY = (
    "<script>alert(1)</script>",
    "</bdi></pre></main>",
    "\u202egnihsihp",
    "{{ node.owner_secret }}",
    "a/b&key=c#d",
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "&lt;b&gt;",
    "%3Cscript%3E",
    " spaces  ",
    "\u65e5\u672c",
)


async def see(node: Node, path: str, status: int = 200) -> Element:
    fetched = await fetch(pages(node), path)
    assert fetched.status == status
    return read(fetched.text)


def branches(page: Element) -> list[tuple[str, str]]:
    lists = page.every("ul", class_="branches")
    links = lists[0].every("a") if lists else []
    return [(link.one(class_="key").text(), link.one(class_="count").text()) for link in links]


def headlines(page: Element) -> list[str]:
    return [one.text() for one in page.every(class_="headline")]


async def test_an_empty_pool_says_what_to_do_next(node: Node) -> None:
    page = await see(node, "/")
    assert page.one("h1").text() == "Pool"
    assert page.one("section", class_="empty").one("h2").text() == "The pool is empty"
    command = page.one("code", class_="line").text()
    assert command.startswith('parley pool push swap-offers BTC-XMR --message \'{"sell"')
    assert command.endswith(f" --data-dir {node.config.data_dir}")


async def test_keys_are_followed_one_level_at_a_time(node: Node) -> None:
    put(node, ("offers", "BTC-XMR"), "one", secret=author(1))
    put(node, ("offers", "BTC-XMR"), "two", secret=author(2))
    put(node, ("offers", "BTC-GRIN", "maker"), "three")
    put(node, ("adverts",), "four")
    top = await see(node, "/")
    assert branches(top) == [("offers", "3 records"), ("adverts", "1 record")]
    link = top.one("ul", class_="branches").every("a")[0].attributes["href"]
    offers = await see(node, link)
    assert offers.one("h1").text() == "offers"
    assert branches(offers) == [("BTC-XMR", "2 records"), ("BTC-GRIN", "1 record")]
    assert sorted(headlines(offers)) == ["one", "three", "two"]
    deepest = await see(node, "/?key=offers&key=BTC-GRIN&key=maker")
    path = deepest.one("nav", class_="path")
    assert [link.text() for link in path.every("a")] == ["All keys", "offers", "BTC-GRIN"]
    assert path.one(aria_current="location").text() == "maker"
    assert branches(deepest) == []
    assert headlines(deepest) == ["three"]
    assert deepest.one("a", class_="act").attributes["href"] == "/query?key=offers&key=BTC-GRIN&key=maker"


@pytest.mark.parametrize("key", NASTY)
async def test_any_key_can_be_followed_and_acts_on_nothing(node: Node, key: str) -> None:
    put(node, (key, "below"), "found")
    top = await see(node, "/")
    link = top.one("ul", class_="branches").one("a").attributes["href"]
    assert parse_qs(urlsplit(link).query) == {"key": [key]}
    place = await see(node, link)
    assert headlines(place) == ["found"]
    assert branches(place) == [("below", "1 record")]
    shown = top.one(class_="key").text()
    assert shown == " ".join(key.replace("\u202e", "U+202E").split())


@pytest.mark.parametrize("message", [*NASTY, "a\nb\tc\x00\x1b[31m", '{"<img src=x>": "</pre>\u202e"}', ""])
async def test_any_message_is_shown_as_text(node: Node, message: str) -> None:
    put(node, ("k",), message)
    fetched = await fetch(pages(node), "/?key=k")
    page = read(fetched.text)
    message_tags = {element.tag for element in page.one("div", class_="opened").every()}
    assert message_tags <= {"a", "bdi", "dd", "details", "div", "dl", "dt", "p", "pre", "span", "summary"}
    assert "\u202e" not in fetched.text
    assert "\x1b" not in fetched.text


async def test_a_record_tells_all_that_is_signed(node: Node) -> None:
    record = put(node, ("offers", "BTC"), '{"sell": 1}', secret=author(5), created_ms=START - 61_000)
    page = await see(node, "/?key=offers")
    details = page.one("details", class_="record")
    assert details.one(class_="age").text() == "1 min ago"
    assert details.one(class_="left").text() == "expires in 58 min 59 s left"
    facts = {row.one("dt").text(): row.one("dd").text() for row in details.one("dl").every("div")}
    assert facts == {
        "Keys": "offers\u203a, BTC",
        "Author": record.author.hex(),
        "Sequence": "7",
        "Created": "2027-01-15 07:58:59 UTC (1 min ago)",
        "Expires": "2027-01-15 08:58:59 UTC (in 58 min 59 s)",
        "Size": f"{32 + 1 + 7 + 4 + 4 + 11 + 24 + 64} bytes",
        "Record id": facts["Record id"],
        "Signature": f"verified by this node {record.signature.hex()}",
    }
    assert len(bytes.fromhex(facts["Record id"])) == 32
    laid, raw = details.every("pre")
    assert "".join(laid.raw_texts()) == '{\n  "sell": 1\n}'
    assert "".join(raw.raw_texts()) == '{"sell": 1}'


async def test_the_nodes_own_records_are_marked(node: Node) -> None:
    put(node, ("k",), "mine")
    assert (await see(node, "/?key=k")).one(class_="who").text() == "author this node"


async def test_a_long_message_is_whole_on_the_records_own_page(tmp_path: Path) -> None:
    node = make_node(tmp_path / "large", settings={"pool.message_bytes_max": 65_536})
    put(node, ("k",), "y" * 5_000)
    place = await see(node, "/?key=k")
    assert "".join(place.one("pre").raw_texts()) == "y" * 4_096
    assert "904 more characters are not shown here." in place.text()
    link = next(one for one in place.every("a") if one.text() == "Open this record on its own page")
    alone = await see(node, link.attributes["href"])
    assert "".join(alone.one("pre").raw_texts()) == "y" * 5_000
    await node.close()


@pytest.mark.parametrize("path", ["/?key=k&author=" + "00" * 32, "/?key=k&author=zz", "/?author=00"])
async def test_a_record_that_is_gone_is_said_to_be(node: Node, path: str) -> None:
    put(node, ("k",), "here")
    page = await see(node, path, 404)
    assert page.one("h1").text() == "This record is gone"


async def test_what_expires_is_gone_from_the_page(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    node = make_node(tmp_path / "node", clock=clock)
    put(node, ("k",), "short", lasts_ms=5_000)
    put(node, ("k", "l"), "long", lasts_ms=HOUR_MS)
    clock.advance(5_000)
    assert headlines(await see(node, "/")) == ["long"]
    clock.advance(HOUR_MS)
    assert (await see(node, "/?key=k")).one("section", class_="empty").text().startswith("Nothing is held here now")
    await node.close()


async def test_many_records_are_turned_page_by_page(node: Node) -> None:
    for number in range(60):
        put(node, ("k", f"n{number}"), f"number {number}", created_ms=START - number)
    first = await see(node, "/?key=k")
    assert headlines(first) == [f"number {number}" for number in range(25)]
    assert first.one("nav", class_="turn").text() == "1 to 25 of 60 Older →"
    second = await see(node, first.one("a", rel="next").attributes["href"])
    last = await see(node, second.one("a", rel="next").attributes["href"])
    assert headlines(last) == [f"number {number}" for number in range(50, 60)]
    assert last.one("nav", class_="turn").text() == "← Newer 51 to 60 of 60"
    again = await see(node, last.one("a", rel="prev").attributes["href"])
    assert headlines(again) == headlines(second)


@pytest.mark.parametrize("start", ["999999", "-1", "x", "%EF%BC%91", "9" * 5_000])
async def test_a_page_that_is_none_is_no_error(node: Node, start: str) -> None:
    put(node, ("k",), "here")
    page = await see(node, f"/?key=k&from={start}")
    assert page.one("h1").text() == "k"


async def test_a_flood_of_keys_does_not_hide_the_full_ones(node: Node) -> None:
    for number in range(70):
        put(node, (f"a{number:02}",), "noise", secret=author(9))
    put(node, ("zebra", "one"), "x")
    put(node, ("zebra", "two"), "y")
    page = await see(node, "/")
    assert len(branches(page)) == 60
    assert branches(page)[0] == ("zebra", "2 records")
    more = next(one for one in page.every("a") if one.text() == "Show more keys")
    assert len(branches(await see(node, more.attributes["href"]))) == 71


@pytest.mark.parametrize(
    "path", ["/?key=", "/?" + "key=a&" * 9, f"/?key={'a' * 65}", "/?key=a%00b", "/?key=%0a", "/?key=%C2%85"]
)
async def test_keys_that_no_record_can_have_are_refused(node: Node, path: str) -> None:
    page = await see(node, path, 400)
    assert page.one("h1").text() == "This cannot be shown"
    assert "1 to 8 texts of 1 to 64 bytes" in page.text()


async def test_who_put_how_much_in_is_shown_at_the_top(node: Node) -> None:
    put(node, ("k",), "mine")
    put(node, ("k",), "theirs", secret=author(3), link="host:203.0.113.9<b>")
    put(node, ("k", "2"), "theirs", secret=author(4), link="host:203.0.113.9<b>")
    table = (await see(node, "/")).one("table")
    rows = [[cell.text() for cell in row.children] for row in table.one("tbody").every("tr")]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("host:203.0.113.9<b>", "2", "2"),
        ("your wallets", "1", "1"),
    ]
    assert (await see(node, "/?key=k")).every("table") == []


async def test_too_many_records_are_not_sorted_for_a_page(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    put(node, ("k",), "one")
    put(node, ("l",), "two")
    monkeypatch.setattr("parley.web.pool._LISTED_MAX", 1)
    assert "Too many records to list at once" in (await see(node, "/")).text()
    assert headlines(await see(node, "/?key=k")) == ["one"]
