"""The page of payments in a real browser, full of what it can show: nothing overflows, the picture is drawn."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By

from parley.lottery.params import CreationRound
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.node.income import IncomeLog
from parley.node.payments_view import PayerLine, PaymentsView, RecipientLine, settle
from parley.node.wiring import Node
from parley.primitives.ids import Address
from parley.web import pages
from parley.web.payments import payments_page
from tests.browser.test_page import WAIT_S, browser, quiet_console, show, texts
from tests.unit.web.nodes import START, make_node

__all__ = ["browser", "quiet_console"]  # fixtures, used by their names

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ETHER = 10**18
ALICE, BOB = Address(b"\xa1" * 20), Address(b"\xb0" * 20)
HASH = b"\xc0" * 32
REASON = "the contract's own words, " * 8 + "\u202e<b>bold</b>"


def full_view() -> PaymentsView:
    """Return a view in which every part of the page has something to show."""
    log = IncomeLog()
    for number in range(200):
        log.note_tickets(
            10_000, face_value_wei=ETHER // 4, win_prob=2**256 // 2_500, winners=2 + number * number * 7_919 % 1_013 % 5
        )
    money = SenderView(
        sender=ALICE,
        block_hash=HASH,
        deposit_wei=3 * ETHER,
        reserve_wei=123_456_789 * ETHER // 1_000,
        claimable_wei=ETHER,
        state=SenderState.UNLOCKING,
        withdraw_round=90,
    )
    winner = RedemptionStatus(
        ticket_hash=HASH, sender=ALICE, face_value_wei=ETHER // 4, phase=RedemptionPhase.WAITING,
        reason=WaitReason.FUNDS_SHORT, deadline_round=78,
    )  # fmt: skip
    winners = (
        winner,
        replace(winner, phase=RedemptionPhase.SENT, reason=None, transaction_hash=HASH, confirmations=3),
        replace(winner, phase=RedemptionPhase.REFUSED, reason=None, untrusted_reason=REASON),
        replace(winner, phase=RedemptionPhase.REDEEMED, reason=None, paid_wei=ETHER // 8, cost_wei=10**13),
    )
    payer = PayerLine(
        sender=ALICE, money=money, pending_wei=ETHER // 4, float_wei=ETHER // 2, tickets=2_000_000, refused=17,
        expected_wei=200 * ETHER, winners=800, won_wei=200 * ETHER, last_ms=START,
    )  # fmt: skip
    return PaymentsView(
        account=BOB,
        balance_wei=ETHER,
        chain=ChainView(
            chain_id=1_337,
            broker=ALICE,
            block_number=123_456,
            block_hash=HASH,
            creation_round=CreationRound(77, HASH),
            previous_round=None,
            is_round_initialized=False,
            ticket_validity_rounds=2,
            recipients=3,
            gas_price_wei=10**8,
        ),
        own_money=money,
        outstanding_wei=ETHER // 3,
        income=log.income,
        history=log.history(),
        payers=(payer, replace(payer, sender=BOB, money=None)),
        payers_total=2,
        recipients=(RecipientLine(recipient=BOB, tickets=5, expected_wei=10**14, face_value_wei=ETHER, last_ms=START),),
        recipients_total=1,
        winners=winners,
        settlement=settle(winners),
        refusals={"nonce_seen": 3, "float_too_low": 14},
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page of one view from a thread."""
    view = full_view()

    async def read(node: Node) -> PaymentsView:
        del node
        return view

    node = make_node(tmp_path_factory.mktemp("payments") / "node")
    server = uvicorn.Server(
        uvicorn.Config(pages(node, [payments_page(read)]), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline_s = time.monotonic() + WAIT_S
    while not server.started:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/payments"
    server.should_exit = True
    thread.join(WAIT_S)
    assert not thread.is_alive()
    asyncio.run(node.close())


def test_every_part_is_shown(browser: webdriver.Chrome, url: str) -> None:  # the fixture
    show(browser)
    browser.get(url)
    assert texts(browser, "h1") == ["Payments"]
    assert [heading.partition(" ")[0] for heading in texts(browser, "main h2")] == [
        "Income", "Senders", "Winners", "Why", "What", "Account",
    ]  # fmt: skip
    assert texts(browser, "main b") == []


@pytest.mark.parametrize("is_dark", [False, True])
def test_the_picture_is_as_wide_as_the_page_and_its_lines_differ(
    browser: webdriver.Chrome,  # the fixture
    url: str,
    is_dark: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    show(browser, is_dark=is_dark)
    browser.get(url)
    picture = browser.find_element(By.CSS_SELECTOR, "svg.income")
    assert picture.rect["width"] > 600
    assert picture.rect["height"] > 100
    strokes = {path.value_of_css_property("stroke") for path in picture.find_elements(By.TAG_NAME, "path")}
    assert len(strokes) == 3


@pytest.mark.parametrize("width", [320, 390, 1_200])
def test_nothing_is_wider_than_the_window(
    browser: webdriver.Chrome,  # the fixture
    url: str,
    width: int,
    tmp_path: Path,
) -> None:
    show(browser, width=width, height=2_400)
    browser.get(url)
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    assert browser.save_screenshot(str(tmp_path / "page.png"))
