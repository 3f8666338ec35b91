from __future__ import annotations

import json

import msgspec
import pytest

from parley.adapters.jsonrpc.documents import record_document
from parley.adapters.system import SystemClock, SystemEntropy
from parley.demo.network import DemoNetwork
from parley.demo.story import Story
from parley.errors import ErrorCode, LocalError
from parley.testing.authors import Author
from parley.testing.output import KeptOutput

OFFER = {
    "version": 1,
    "id": "SwapOffer_1",
    "sell": True,
    "mwcAmount": 2_000_000_000,
    "secAmount": 700,
    "secondaryCurrency": "btc",
    "mwcLockBlocks": 60,
    "secLockBlocks": 3,
    "mktFee": 1_000_000,
    "walletAddress": "ab" * 32,
}


@pytest.fixture
def kept() -> KeptOutput:
    return KeptOutput()


@pytest.fixture
def story(kept: KeptOutput) -> Story:
    return Story(kept, DemoNetwork())


def test_what_is_not_so_is_not_said(story: Story, kept: KeptOutput) -> None:
    story._claim(is_so=True, sentence="It holds.")
    with pytest.raises(LocalError) as caught:
        story._claim(is_so=False, sentence="It holds not.")
    assert (caught.value.code, dict(caught.value.facts)) == (ErrorCode.WRONG_STATE, {"expected": "It holds not."})
    assert kept.lines == ["  It holds."]


def test_only_offers_that_can_be_read_are_shown_the_cheapest_first(story: Story, kept: KeptOutput) -> None:
    offers = [
        {**OFFER, "secAmount": 720},
        OFFER,
        {**OFFER, "sell": False},
        {**OFFER, "secondaryCurrency": "ltc"},
    ]
    messages = [*map(json.dumps, offers), "hello", "{}"]
    story._show_offers([{"Node": "N", "Message": message} for message in messages])
    assert kept.lines == [
        "  Of the 2 offers that sell MWC for BTC, the cheapest:",
        "sells MWC\tfor BTC\tsatoshi per MWC\tfee committed, MWC\twallet\tfound at",
        f"2\t0.000007\t350\t0.001\t{'ab' * 8}\tN",
        f"2\t0.0000072\t360\t0.001\t{'ab' * 8}\tN",
    ]


def test_a_proof_must_hold_and_be_of_what_is_shown(story: Story) -> None:
    record = Author(SystemEntropy()).sign(("swap",), "text", now=SystemClock().now())
    document = json.loads(msgspec.json.encode(record_document(record)))
    entry = {"Node": "N", "Keys": ["swap"], "Message": "text", "Record": document}
    assert story._is_genuine(entry)
    false = [
        {**entry, "Message": "other"},
        {**entry, "Keys": ["swap", "btc"]},
        {**entry, "Message": "other", "Record": {**document, "message": "other"}},
        {**entry, "Record": {**document, "signature": "zz" * 64}},
        {**entry, "Record": {}},
    ]
    assert [story._is_genuine(one) for one in false] == [False] * len(false)
