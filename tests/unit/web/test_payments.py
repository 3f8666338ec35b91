"""What was paid, by whom, and what came of it is read on one page; nothing that others said becomes our words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from parley.errors import ErrorCode, UnavailableError
from parley.lottery.params import CreationRound
from parley.lottery.redemption_events import RedemptionPhase, WaitReason
from parley.lottery.redemption_status import RedemptionStatus
from parley.lottery.rules import SenderState
from parley.lottery.views import ChainView, SenderView
from parley.node.income import Income, IncomePoint
from parley.node.payments_view import NO_PAYMENTS, PayerLine, PaymentsView, RecipientLine, Settlement
from parley.node.wiring import Node
from parley.primitives.ids import Address
from parley.primitives.instants import Instant
from parley.testing.clock import VirtualClock
from parley.web import pages
from parley.web.payments import PAYMENTS_PAGE, chart, payments_page, rounded
from tests.unit.web.markup import Element, read
from tests.unit.web.nodes import START, fetch, make_node

GWEI, ETHER = 10**9, 10**18
ALICE, BOB, CAROL = (Address(bytes([number]) * 20) for number in (0xA1, 0xB0, 0xCA))
HASH = bytes.fromhex("c0ffee" + "00" * 29)
HALF = 2**255
CHAIN = ChainView(
    chain_id=1_337,
    broker=CAROL,
    block_number=123_456,
    block_hash=HASH,
    creation_round=CreationRound(77, HASH),
    previous_round=None,
    is_round_initialized=True,
    ticket_validity_rounds=2,
    recipients=3,
    gas_price_wei=GWEI // 10,
)
MONEY = SenderView(
    sender=ALICE,
    block_hash=HASH,
    deposit_wei=3 * ETHER,
    reserve_wei=2 * ETHER,
    claimable_wei=ETHER,
    state=SenderState.LOCKED,
)
WINNER = RedemptionStatus(ticket_hash=HASH, sender=ALICE, face_value_wei=250_000 * GWEI, phase=RedemptionPhase.WAITING)
PAYER = PayerLine(
    sender=ALICE,
    money=MONEY,
    pending_wei=250_000 * GWEI,
    float_wei=ETHER - 250_000 * GWEI,
    tickets=12_345,
    refused=2,
    expected_wei=1_234_500 * GWEI,
    winners=5,
    won_wei=1_250_000 * GWEI,
    last_ms=Instant(START - 3_000),
)
VIEW = PaymentsView(
    account=BOB,
    balance_wei=ETHER // 2,
    chain=CHAIN,
    income=Income(12_345, 5, 1_234_500 * GWEI * (2**256 - 1), 0, 1_250_000 * GWEI),
    payers=(PAYER,),
    payers_total=1,
)


class Shown:
    """The page of one view."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.view = NO_PAYMENTS
        self.failure: UnavailableError | None = None
        self.pages = pages(node, [payments_page(self.read)])

    async def read(self, node: Node) -> PaymentsView:
        assert node is self.node
        if self.failure is not None:
            raise self.failure
        return self.view

    async def see(self, view: PaymentsView) -> Element:
        self.view = view
        fetched = await fetch(self.pages, "/payments")
        assert fetched.status == 200
        return read(fetched.text)


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    node = make_node(tmp_path / "node", clock=VirtualClock(START))
    yield Shown(node)
    await node.close()


def lead(page: Element) -> str:
    return page.one("p", class_="lead").text()


def headings(page: Element) -> list[str]:
    return [heading.text() for heading in page.one("main").every("h2")]


def rows(page: Element, heading: str) -> list[list[str]]:
    section = page.one("section", aria_labelledby=heading)
    return [[cell.text() for cell in row.children] for row in section.one("tbody").every("tr")]


def facts(page: Element, heading: str) -> dict[str, str]:
    section = page.one("section", aria_labelledby=heading)
    return {pair.one("dt").text(): pair.one("dd").text() for facts in section.every("dl") for pair in facts.children}


async def test_before_anybody_paid_the_page_says_how_to_begin(shown: Shown) -> None:
    page = await shown.see(NO_PAYMENTS)
    empty = page.one(class_="empty")
    assert empty.one("h2").text() == "Nobody has paid with tickets yet, and this node has paid nobody"
    assert [code.text() for code in empty.every("code")] == [
        'parley gate --upstream http://127.0.0.1:8080 --price "100 gwei"',
        f"parley lottery fund --data-dir {shown.node.config.data_dir}",
        "parley lottery simulate",
    ]
    assert len(headings(page)) == 1
    assert "The chain has not answered yet" in page.one("main").text()


async def test_while_payments_are_not_open_the_page_does_not_say_that_nobody_paid(shown: Shown) -> None:
    page = await shown.see(PaymentsView(closed="did not answer; try again later"))
    assert lead(page) == "Payments are not open: did not answer; try again later."
    said = page.one("main").text()
    assert "Nobody has paid" not in said
    assert "taken" not in said
    assert headings(page) == []


async def test_a_node_whose_chain_is_away_says_so_until_it_is_back(tmp_path: Path) -> None:
    """As after a restart: the node has a key, and the chain at the address of its settings does not answer."""
    folder = tmp_path / "node"
    node = make_node(folder, clock=VirtualClock(START), settings={"chain.url": "http://127.0.0.1:1"})
    seen = []
    for _ in range(2):
        seen.append(lead(read((await fetch(pages(node, [PAYMENTS_PAGE]), "/payments")).text)))
        (folder / "keys").mkdir(mode=0o700, exist_ok=True)
    with pytest.raises(UnavailableError):
        await node.payments.get()
    seen.append(lead(read((await fetch(pages(node, [PAYMENTS_PAGE]), "/payments")).text)))
    await node.close()
    assert seen[0].startswith("Lottery tickets pay per request")
    assert seen[1] == "Payments are not open: they are being opened."
    assert seen[2].startswith("Payments are not open: did not answer")


async def test_the_page_is_in_the_navigation(shown: Shown) -> None:
    page = await shown.see(NO_PAYMENTS)
    entry = page.one("nav").one("a")
    assert (entry.text(), entry.attributes["href"], entry.attributes["aria-current"]) == (
        "Payments", "/payments", "page",
    )  # fmt: skip


async def test_income_is_said_beside_what_was_expected(shown: Shown) -> None:
    page = await shown.see(VIEW)
    assert lead(page) == (
        "So far 12,345 tickets taken, worth 0.001234 ether, and 5 winners among them, worth 0.00125 ether."
    )
    assert page.every(class_="empty") == []


@pytest.mark.parametrize(
    ("won", "says"),
    [
        (50, "That is as near to each other as for two of three recipients."),
        (56, "That is 1.2 standard deviations more than expected, as for one of three recipients."),
        (44, "That is 1.2 standard deviations less than expected, as for one of three recipients."),
        (39, "That is 2.2 standard deviations less than expected, which chance does to fewer than 1 of 20"),
    ],
)
async def test_luck_is_told_in_words(shown: Shown, won: int, says: str) -> None:
    # A hundred tickets of a wei that win half the time: 50 are expected, with a standard deviation of 5.
    income = Income().with_tickets(100, face_value_wei=1, win_prob=HALF, winners=won)
    assert says in lead(await shown.see(replace(VIEW, income=income)))


async def test_senders_are_listed_with_their_money_and_the_float_that_is_left(shown: Shown) -> None:
    page = await shown.see(VIEW)
    assert rows(page, "payers") == [
        [
            "0xA1A1a1a1…a1a1locked", "12,3452 refused", "0.001234 ether", "0.00125 ether5 winners",
            "0.9998 ether250,000 gwei to be redeemed", "3 ether", "2 ether", "3 s ago",
        ]
    ]  # fmt: skip
    (bar,) = page.one("section", aria_labelledby="payers").every("rect", width="99%")
    assert bar.tag == "rect"


async def test_amounts_and_accounts_are_there_exactly_for_who_points_at_them(shown: Shown) -> None:
    page = await shown.see(VIEW)
    titles = {element.attributes["title"] for element in page.one("main").every() if "title" in element.attributes}
    # The account's checksum is that of EIP-55, as eth-utils writes it.
    assert {"0xA1A1a1a1A1A1A1A1A1a1a1a1a1a1A1A1a1A1a1a1", "0.0012345 ether", "0.99975 ether"} <= titles


async def test_a_sender_that_leaves_is_marked_and_one_that_was_not_looked_at_says_so(shown: Shown) -> None:
    leaving = replace(PAYER, money=replace(MONEY, state=SenderState.UNLOCKING))
    unseen = PayerLine(sender=BOB, tickets=1)
    page = await shown.see(replace(VIEW, payers=(leaving, unseen), payers_total=7))
    first, second = page.one("section", aria_labelledby="payers").one("tbody").every("tr")
    assert first.one(class_="paused").text() == "unlocking"
    assert "not looked at" in second.text()
    assert "not known" in second.text()
    assert second.text().endswith("not yet")
    assert "The latest 2 are shown." in page.one("main").text()


async def test_a_float_that_is_used_up_is_an_empty_bar(shown: Shown) -> None:
    page = await shown.see(replace(VIEW, payers=(replace(PAYER, float_wei=-5, pending_wei=ETHER),)))
    section = page.one("section", aria_labelledby="payers")
    assert len(section.every("rect", width="0%")) == 1
    assert "0 wei1 ether to be redeemed" in section.text()


async def test_winners_are_shown_with_where_they_stand(shown: Shown) -> None:
    winners = (
        replace(WINNER, reason=WaitReason.FUNDS_SHORT, deadline_round=78),
        replace(WINNER, phase=RedemptionPhase.SENT, transaction_hash=b"\xfe" * 32, confirmations=1, deadline_round=78),
        replace(WINNER, phase=RedemptionPhase.SENT, transaction_hash=b"\xfd" * 32, confirmations=2),
        replace(WINNER, phase=RedemptionPhase.REDEEMED, paid_wei=250_000 * GWEI),
        replace(WINNER, phase=RedemptionPhase.REDEEMED, paid_wei=100_000 * GWEI),
        replace(WINNER, phase=RedemptionPhase.EXPIRED),
    )
    settlement = Settlement(
        counts={RedemptionPhase.EXPIRED: 1, RedemptionPhase.WAITING: 1, RedemptionPhase.REDEEMED: 40},
        paid_wei=ETHER,
        waiting_wei=3 * GWEI,
        lost_wei=7,
        unknown_wei=5 * ETHER,
        gas_wei=8_654 * GWEI,
    )
    page = await shown.see(replace(VIEW, winners=winners, settlement=settlement))
    ticket, sender, face_value = "c0ffee0000000000…", "0xA1A1a1a1…a1a1", "250,000 gwei"
    assert rows(page, "winners") == [
        [
            ticket, sender, face_value,
            "waiting the sender's deposit and our part of its reserve do not cover it; until round 78", "",
        ],
        [f"{ticket}in {'fe' * 8}…", sender, face_value, "sent 1 confirmation; until round 78", ""],
        [f"{ticket}in {'fd' * 8}…", sender, face_value, "sent 2 confirmations", ""],
        [ticket, sender, face_value, "redeemed", "250,000 gwei"],
        [ticket, sender, face_value, "redeemed", "100,000 gweiless than it won"],
        [ticket, sender, face_value, "expired", ""],
    ]  # fmt: skip
    assert facts(page, "winners") == {
        "to be redeemed": "3 gwei",
        "paid by the chain": "1 ether",
        "lost": "7 wei",
        "redeemed by another call": "5 ether",
        "gas for it": "8,654 gwei",
    }
    text = page.one("section", aria_labelledby="winners").text()
    assert "1 waiting, 40 redeemed, 1 expired." in text
    assert "The first 6 are shown" in text
    assert f"parley lottery winners --data-dir {shown.node.config.data_dir}" in text


async def test_what_a_contract_says_is_shown_as_its_words_and_runs_nothing(shown: Shown) -> None:
    nasty = "<script>alert(1)</script>\u202efdp.exe"
    refused = replace(WINNER, phase=RedemptionPhase.REFUSED, untrusted_reason=nasty)
    settlement = Settlement(counts={RedemptionPhase.REFUSED: 1})
    page = await shown.see(replace(VIEW, winners=(refused,), settlement=settlement))
    (row,) = rows(page, "winners")
    assert row[3] == "refused the contract said: <script>alert(1)</script>U+202Efdp.exe"
    assert page.one("main").every("script") == []


async def test_refusals_are_counted_the_most_frequent_first(shown: Shown) -> None:
    page = await shown.see(replace(VIEW, refusals={"nonce_seen": 2, "b": 9, "c": 9}))
    assert rows(page, "reasons") == [["b", "9"], ["c", "9"], ["the nonce was used", "2"]]


async def test_what_this_node_pays_is_a_part_of_its_own(shown: Shown) -> None:
    line = RecipientLine(recipient=CAROL, tickets=3, expected_wei=300 * GWEI, face_value_wei=ETHER, last_ms=START)
    view = PaymentsView(
        chain=CHAIN,
        own_money=replace(MONEY, state=SenderState.UNLOCKING, withdraw_round=80),
        outstanding_wei=200 * GWEI,
        recipients=(line,),
        recipients_total=2,
    )
    page = await shown.see(view)
    assert facts(page, "own") == {
        "At the broker": "unlocking, free in round 80, 3 rounds from now",
        "Deposit": "3 ether",
        "Reserve": "2 ether",
        "Tickets under way": "may still take 200 gwei from the deposit",
    }
    assert [row[1:] for row in rows(page, "own")] == [["3", "300 gwei", "1 ether", "0 s ago"]]
    assert "The latest 1 of 2 are shown." in page.one("main").text()


async def test_an_unlock_without_a_look_at_the_chain_names_its_round_alone(shown: Shown) -> None:
    page = await shown.see(PaymentsView(own_money=replace(MONEY, withdraw_round=80), recipients_total=1))
    assert facts(page, "own")["At the broker"] == "locked, free in round 80"
    page = await shown.see(PaymentsView(own_money=MONEY, recipients_total=1))
    assert facts(page, "own")["At the broker"] == "locked"


async def test_a_node_that_never_opened_its_payments_shows_none(node: Node) -> None:
    page = read((await fetch(pages(node), "/payments")).text)
    assert page.one(class_="empty").one("h2").text().startswith("Nobody has paid")


async def test_account_and_chain_are_named(shown: Shown) -> None:
    assert facts(await shown.see(VIEW), "chain") == {
        "Account": "0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0",
        "Balance": "0.5 ether",
        "Broker": "0xcAcacaCacacACaCACaCaCACAcacAcaCACacAcAcA",
        "Chain": "1337, block 123,456",
        "Round": "77, 3 recipients",
        "Gas": "0.1 gwei",
    }
    late = await shown.see(replace(VIEW, chain=replace(CHAIN, is_round_initialized=False)))
    assert "nothing can be redeemed" in facts(late, "chain")["Round"]


async def test_a_store_that_does_not_answer_is_said(shown: Shown) -> None:
    shown.failure = UnavailableError(ErrorCode.STORE_UNAVAILABLE)
    fetched = await fetch(shown.pages, "/payments")
    assert fetched.status == 503
    assert "the store did not answer" in read(fetched.text).one("main").text()


async def test_income_is_drawn_where_there_is_a_history(shown: Shown) -> None:
    history = (IncomePoint(0, 0, 0, 0), IncomePoint(100, 50, 5, 60))
    page = await shown.see(replace(VIEW, history=history))
    picture = page.one("svg", class_="income")
    assert [path.attributes["class"] for path in picture.every("path")] == ["band", "expected", "won"]
    assert (
        "From left to right tickets 0 to 100, upwards to 63 wei."
        in page.one("section", aria_labelledby="income").text()
    )


def test_a_chart_places_points_by_tickets_and_amounts() -> None:
    history = (IncomePoint(0, 0, 0, 0), IncomePoint(50, 500, 50, 0), IncomePoint(100, 1_000, 100, 2_000))
    drawn = chart(history)
    assert drawn is not None
    # The upper edge is 5 % above the 2000 wei that were won; 720 by 220 units.
    assert (drawn.top_wei, drawn.first, drawn.last) == (2_100, 0, 100)
    assert drawn.expected == "M0.0 220.0 L360.0 167.6 L720.0 115.2"
    assert drawn.won == "M0.0 220.0 L360.0 220.0 L360.0 220.0 L720.0 220.0 L720.0 10.5"
    # 1.96 deviations up and down: 598 and 402 of 500, 1196 and 804 of 1000.
    assert drawn.band == "M0.0 220.0 L360.0 157.4 L720.0 94.7 L720.0 135.8 L360.0 177.9 L0.0 220.0 Z"


@pytest.mark.parametrize(
    "history", [(), (IncomePoint(9, 9, 1, 9),), (IncomePoint(0, 0, 0, 0), IncomePoint(9, 0, 0, 0))]
)
def test_without_anything_to_expect_there_is_no_chart(history: tuple[IncomePoint, ...]) -> None:
    assert chart(history) is None


@pytest.mark.parametrize(
    ("wei", "text"),
    [
        (0, "0 wei"),
        (99_999_999, "99,999,999 wei"),
        (10**8, "0.1 gwei"),
        (1_234_567_890, "1.235 gwei"),
        (999_999 * GWEI, "999,999 gwei"),
        (10**15, "0.001 ether"),
        (1_234_567 * 10**12, "1.235 ether"),
        (1_234_560 * GWEI, "0.001235 ether"),
        (1_234_560 * 10**15, "1,235 ether"),
        (12_345 * ETHER, "12,345 ether"),
        (-3 * GWEI, "-3 gwei"),
        (100 * GWEI, "100 gwei"),
    ],
)
def test_amounts_are_rounded_for_reading(wei: int, text: str) -> None:
    assert rounded(wei) == text
