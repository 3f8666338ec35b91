"""What the node counts is read without knowing Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

from parley.node.wiring import Node
from parley.web import pages
from parley.web.metrics import Distribution, distributions
from tests.unit.web.markup import Element, read
from tests.unit.web.nodes import author, fetch, put


async def see(node: Node) -> Element:
    return read((await fetch(pages(node), "/metrics-page")).text)


def rows(page: Element, family: str) -> list[list[str]]:
    return [[cell.text() for cell in row.children] for row in page.one("tbody", id=family).every("tr")]


async def test_counters_start_at_nothing(node: Node) -> None:
    page = await see(node)
    assert rows(page, "parley_pool_records") == [["Live records held", "0"]]
    assert rows(page, "parley_peer_blames") == [["Misbehaviour of links, by reason none yet"]]


async def test_what_happens_is_counted(node: Node) -> None:
    put(node, ("k",), "a")
    record = put(node, ("k",), "b", secret=author(2))
    node.push(record, "owner")
    page = await see(node)
    assert rows(page, "parley_pool_records") == [["Live records held", "2"]]
    assert rows(page, "parley_pool_pushes") == [["Pushes, by outcome"], ["repeat", "1"], ["stored", "2"]]
    assert rows(page, "parley_pool_bytes") == [
        ["Bytes of encoded records held", f"{2 * (32 + 1 + 2 + 4 + 1 + 24 + 64)} bytes"]
    ]
    titles = [section.every("h2")[0].text() for section in page.one(class_="topics").every("section")]
    assert titles == ["Pool", "Peers", "Work of strangers", "Tickets", "Payments", "Calls"]


async def test_a_gauge_of_any_kind_is_shown(node: Node) -> None:
    for name, value in (("rest", 0.5), ("endless", float("inf")), ("pool_large_bytes", 3 * 2**20)):
        Gauge(f"parley_{name}", "A gauge.", registry=node.metrics.registry).set(value)
    page = await see(node)
    assert rows(page, "parley_rest") == [["A gauge", "0.500"]]
    assert rows(page, "parley_endless") == [["A gauge", "inf"]]
    assert rows(page, "parley_pool_large_bytes") == [["A gauge", "3.0 MiB"]]
    assert page.one(class_="topics").every("section")[-1].one("h2").text() == "Everything else"


async def test_settings_are_shown_with_their_origin(node: Node) -> None:
    table = (await see(node)).one("details", class_="inner").one("table")
    settings = {row.children[0].text(): [cell.text() for cell in row.children[1:]] for row in table.every("tr")[1:]}
    assert settings["data_dir"] == [str(node.config.data_dir), "command line"]
    assert settings["pool.deepness_max"] == ["6", "default"]


async def test_no_secret_is_on_any_page(node: Node) -> None:
    key = node.directory.node_key_path.read_text("ascii").strip()
    for path in ("/", "/query", "/peers", "/tickets", "/payments", "/metrics-page"):
        text = (await fetch(pages(node), path)).text
        assert node.owner_secret not in text
        assert key not in text


def test_a_histogram_becomes_one_line_for_each_set_of_labels() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("took_seconds", "Time.", ("deepness",), buckets=(0.1, 0.5, 1.0), registry=registry)
    for _ in range(19):
        histogram.labels("1").observe(0.05)
    histogram.labels("1").observe(0.9)
    histogram.labels("2").observe(4.0)
    histogram.labels("3")
    (family,) = registry.collect()
    near, far = distributions(family)
    assert (near.labels, near.count, round(near.mean_ms, 3), near.covered_ms) == ("deepness 1", 20, 92.5, 100.0)
    assert far == Distribution("deepness 2", 1, 4_000.0, None)
