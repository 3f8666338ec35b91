"""The page in a real browser, over real nodes: it drills down, asks, and runs nothing that a record says."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

pytestmark = [pytest.mark.browser, pytest.mark.functional, pytest.mark.slow]

WAIT_S = 60
OFFER = {"sell": {"asset": "BTC", "atoms": 1_000_000}, "for": {"asset": "XMR", "atoms": 190_000_000_000}}
NASTY = "<script>document.title='taken'</script><img src=x: onerror=\"document.title='taken'\">\u202egnp.exe"


@dataclass(frozen=True)
class Running:
    """One node process."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    url: str

    @property
    def secret(self) -> str:
        """The owner's secret."""
        return (self.data_dir / "owner_secret").read_text("ascii").strip()

    def call(self, method: str, **params: object) -> None:
        """Call the node as its owner."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        basic = base64.b64encode(f"parley:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        assert "result" in json.loads(self._ask("POST", "/v2/owner", body, headers))

    def ask_for_ticket(self) -> None:
        """Ask as a stranger for the permission to send."""
        body = json.dumps({"sender": "01" * 32, "recipient": "02" * 32, "preference": ["pow"]})
        assert json.loads(self._ask("POST", "/ticket", body))["worktype"] == "pow"

    def links(self) -> int:
        """Return how many links the node has."""
        return int(json.loads(self._ask("GET", "/healthz"))["links"])

    def _ask(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> bytes:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=WAIT_S)
        try:
            connection.request(method, path, body or None, headers or {})
            return connection.getresponse().read()
        finally:
            connection.close()


def wait_for(is_done: Callable[[], bool]) -> None:
    """Look again until something is so."""
    deadline_s = time.monotonic() + WAIT_S
    while not is_done():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def start(data_dir: Path, *options: str) -> Running:
    """Start a node and wait until it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "parley", "node", "run", "--data-dir", data_dir, "--http", "127.0.0.1:0", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PARLEY_NETWORK": f"browser{os.getpid()}"},
    )
    note = data_dir / "node.json"
    wait_for(lambda: note.exists() or process.poll() is not None)
    assert process.poll() is None
    return Running(process, data_dir, json.loads(note.read_bytes())["http"])


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Running]]:
    """Run two linked nodes with records in both."""
    folder = tmp_path_factory.mktemp("nodes")
    near = start(folder / "near", "--name", "near")
    far = start(folder / "far", "--name", "far", "--peer", near.url)
    wait_for(lambda: near.links() == 1)
    for number in range(3):
        near.call("push_message", Keys=["offers", "BTC-XMR", f"lot {number}"], Message=json.dumps(OFFER))
    near.call("push_message", Keys=["offers", NASTY[:40]], Message=NASTY)
    far.call("push_message", Keys=["offers", "BTC-XMR", "from afar"], Message="far and plain")
    near.ask_for_ticket()
    yield near, far
    for node in (near, far):
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(WAIT_S) == 0


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Open a browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "disable-dev-shm-usage",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "hide-scrollbars",
        f"user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(WAIT_S)
    yield driver
    driver.quit()


@pytest.fixture(autouse=True)
def quiet_console(browser: webdriver.Chrome) -> Iterator[None]:
    """Find no complaint of the browser after a test: no blocked script or style, no failed request."""
    yield
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium leaves this one without types


def show(browser: webdriver.Chrome, *, width: int = 1_200, height: int = 900, is_dark: bool = False) -> None:
    """Choose the size of the window and the reader's colours."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    colours = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": colours})


def click(browser: webdriver.Chrome, selector: str, text: str = "") -> None:
    """Click the first of these elements that holds a text, and wait until what it leads to is there."""
    page = browser.find_element(By.TAG_NAME, "html")
    found = next(one for one in browser.find_elements(By.CSS_SELECTOR, selector) if text in one.text)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    found.click()
    wait(browser, lambda: _is_gone(page))


def wait(browser: webdriver.Chrome, is_done: Callable[[], object]) -> None:
    """Look again until something is so."""
    WebDriverWait(browser, WAIT_S).until(lambda _: is_done())


def _is_gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    return False


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    return [one.text for one in browser.find_elements(By.CSS_SELECTOR, selector)]


def test_keys_lead_down_to_a_record_and_back(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(nodes[0].url)
    assert texts(browser, ".branches .key") == ["offers"]
    click(browser, ".branches a", "offers")
    assert sorted(one.split("\n")[0] for one in texts(browser, ".branches .count")) == ["1", "3"]
    click(browser, ".branches a", "BTC-XMR")
    assert texts(browser, "h1") == ["BTC-XMR"]
    click(browser, ".branches a", "lot 1")
    browser.find_element(By.CSS_SELECTOR, ".record > summary").click()
    message = browser.find_element(By.CSS_SELECTOR, ".record[open] .message").text
    assert json.loads(message) == OFFER
    assert message.split("\n")[2] == '    "asset": "BTC",'
    assert "this node" in browser.find_element(By.CSS_SELECTOR, ".record[open] .facts").text
    click(browser, ".path a", "offers")
    assert texts(browser, "h1") == ["offers"]


def test_what_a_record_says_is_never_run(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(f"{nodes[0].url}/?key=offers")
    for summary in browser.find_elements(By.CSS_SELECTOR, ".record > summary"):
        summary.click()
    shown = texts(browser, ".record[open] .message")
    assert NASTY.replace("\u202e", "U+202E") in shown
    assert browser.title == "offers \u00b7 Parley"
    assert browser.find_elements(By.CSS_SELECTOR, "main img, main script") == []
    click(browser, ".branches a", "<script>")
    assert browser.title.startswith("<script>")


def test_an_inline_script_would_be_stopped(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(nodes[0].url)
    browser.execute_script("document.body.insertAdjacentHTML('beforeend', arguments[0])", NASTY)
    complaints: list[str] = []

    def has_complained() -> bool:
        complaints.extend(one["message"] for one in browser.get_log("browser"))  # type: ignore[no-untyped-call]  # as above
        return sum("Content Security Policy" in one for one in complaints) == 2  # the image, and what it would run

    wait(browser, has_complained)
    assert browser.title == "Pool \u00b7 Parley"


def test_a_question_finds_the_other_node_and_says_how_complete_it_is(
    browser: webdriver.Chrome, nodes: tuple[Running, Running]
) -> None:
    show(browser)
    browser.get(f"{nodes[0].url}/?key=offers&key=BTC-XMR")
    click(browser, "a", "Ask the network")
    assert browser.find_element(By.ID, "keys").get_attribute("value") == "offers\nBTC-XMR"
    Select(browser.find_element(By.ID, "deepness")).select_by_value("2")
    click(browser, "button", "Ask")
    assert texts(browser, "#answer-title")[0].startswith("4 records found in ")
    assert texts(browser, ".verdict") == ["Complete: the one copy of the question was answered."]
    counts = {name: texts(browser, f"#{name}") for name in ("asked", "answered", "timed_out", "refused", "duplicates")}
    assert counts == {"asked": ["1"], "answered": ["1"], "timed_out": ["0"], "refused": ["0"], "duplicates": ["0"]}
    assert sorted(one.split("\n")[-1] for one in texts(browser, ".who")) == ["far", "near", "near", "near"]
    width = browser.find_element(By.CSS_SELECTOR, ".copies .answered").rect["width"]
    assert width == browser.find_element(By.CSS_SELECTOR, ".copies").rect["width"] > 0


def test_the_tickets_are_reached_from_the_navigation(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(nodes[1].url)
    click(browser, "nav a", "Tickets")
    assert texts(browser, "h1") == ["Tickets"]
    assert texts(browser, ".empty h3") == ["Nobody has asked for a ticket yet"]
    nodes[1].ask_for_ticket()
    browser.refresh()
    assert texts(browser, "#methods") == ["By kind of work"]
    assert texts(browser, "table tbody tr") == ["pow 1 0 0"]
    assert "1 ticket issued, 0 earned" in texts(browser, ".lead")[0]


def test_the_form_says_what_is_wrong_with_it(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(f"{nodes[0].url}/query")
    browser.find_element(By.ID, "keys").send_keys("a" * 65)
    # The status of the answer is 400, which this browser mentions in its console.
    click(browser, "button", "Ask")
    assert texts(browser, "#keys-fault") == ["Write 1 to 8 keys of 1 to 64 bytes, one on each line."]
    complaints = browser.get_log("browser")  # type: ignore[no-untyped-call]  # as above
    assert [("400" in one["message"], one["source"]) for one in complaints] == [(True, "network")]


def test_all_is_reached_without_a_mouse(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(nodes[0].url)
    body = browser.find_element(By.TAG_NAME, "body")
    reached = []
    for _ in range(9):
        body.send_keys(Keys.TAB)
        reached.append(browser.switch_to.active_element.accessible_name)
    named = ["Pool", "Query", "Peers", "Tickets", "Payments", "Metrics"]
    assert reached == ["Skip to the content", "Parley, start", *named, "Refresh every 5 s"]
    outline = browser.switch_to.active_element.value_of_css_property("outline-style")
    assert outline == "solid"


@pytest.mark.parametrize("path", ["/", "/?key=offers", "/query", "/peers", "/tickets", "/payments", "/metrics-page"])
@pytest.mark.parametrize("width", [320, 390, 1_200])
def test_nothing_is_wider_than_the_window(
    browser: webdriver.Chrome, nodes: tuple[Running, Running], path: str, width: int
) -> None:
    show(browser, width=width)
    browser.get(nodes[0].url + path)
    for summary in browser.find_elements(By.CSS_SELECTOR, "summary"):
        if summary.is_displayed():
            summary.click()
    assert browser.execute_script("return document.documentElement.scrollWidth") == width


def test_the_readers_colours_are_kept(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    grounds = []
    for is_dark in (False, True):
        show(browser, is_dark=is_dark)
        browser.get(nodes[0].url)
        colour = browser.find_element(By.TAG_NAME, "html").value_of_css_property("background-color")
        grounds.append([int(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3]])
    light, dark = grounds
    assert min(light) > 200
    assert max(dark) < 50


def test_a_page_renews_itself_when_asked_to(browser: webdriver.Chrome, nodes: tuple[Running, Running]) -> None:
    show(browser)
    browser.get(f"{nodes[1].url}/?key=news")
    assert texts(browser, ".empty h2") == ["Nothing is held here now"]
    browser.find_element(By.ID, "live").click()
    nodes[1].call("push_message", Keys=["news"], Message="it came", Expiration=600)
    wait(browser, lambda: texts(browser, ".headline") == ["it came"])
    live = browser.find_element(By.ID, "live")
    assert live.is_selected()
    live.click()


def test_a_public_nodes_page_is_for_its_owner(browser: webdriver.Chrome, tmp_path: Path) -> None:
    show(browser)
    node = start(tmp_path / "public", "--public")
    try:
        host = urlsplit(node.url).netloc
        browser.get(f"http://parley:{node.secret}@{host}/peers")
        assert texts(browser, "h1") == ["Peers"]
        click(browser, "nav a", "Query")
        assert texts(browser, "h1") == ["Query"]
        browser.get(f"http://parley:wrong@{host}/")
        complaints = browser.get_log("browser")  # type: ignore[no-untyped-call]  # as above
        assert ["401" in one["message"] for one in complaints] == [True]
        assert texts(browser, "h1") != ["Pool"]
    finally:
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(WAIT_S) == 0
