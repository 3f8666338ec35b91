"""What the demo measured: the one document of `parley demo --json`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = [
    "BookFigures",
    "Figures",
    "KilledFigures",
    "LetterFigures",
    "LiarFigures",
    "NodeFigures",
    "PaymentFigures",
    "QueryFigures",
]


class NodeFigures(msgspec.Struct, frozen=True):
    """One node.

    Attributes:
        name: what it calls itself.
        id: its public key, 64 hex digits.
        http: where it is reached.
        data_dir: its directory.
        links: names of the nodes it is linked with.
    """

    name: str
    id: str
    http: str
    data_dir: str
    links: tuple[str, ...]


class BookFigures(msgspec.Struct, frozen=True):
    """What was published.

    Attributes:
        authors: keys that signed.
        offers: swap offers.
        adverts: wallet adverts.
        by_node: records by the node that holds them.
        elapsed_ms: how long publishing took.
    """

    authors: int
    offers: int
    adverts: int
    by_node: Mapping[str, int]
    elapsed_ms: int


class QueryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One query and its answer.

    Attributes:
        deepness: own node included.
        nodes: names of the nodes that the records came from.
        records: how many came.
        verified: of how many the wallet itself verified the signature.
        asked: requests between nodes, all hops together.
        answered: of them.
        refused: of them, or not delivered.
        timed_out: of them.
        duplicates: of the answered ones, those of nodes that knew the request already.
        hops: to the farthest node that answered.
        elapsed_ms: from question to answer.
    """

    deepness: int
    nodes: tuple[str, ...]
    records: int
    verified: int
    asked: int
    answered: int
    refused: int
    timed_out: int
    duplicates: int
    hops: int
    elapsed_ms: int


class LiarFigures(msgspec.Struct, frozen=True):
    """The queries while the liar was there.

    Attributes:
        queries: in order.
        reasons: what the asking node charged the liar with after each query, and how often.
        phases: where the liar stood then, as in `peers ls`.
        blamed: addresses that the asking node charges with anything, at the end.
        address: of the liar.
    """

    queries: tuple[QueryFigures, ...]
    reasons: tuple[Mapping[str, int], ...]
    phases: tuple[str, ...]
    blamed: tuple[str, ...]
    address: str


class KilledFigures(msgspec.Struct, frozen=True):
    """The query after a node was killed."""

    node: str
    query: QueryFigures


class LetterFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed letter from one node's owner to another's.

    Attributes:
        sender: name of the node that it went out from.
        recipient: name of the node whose owner it was for.
        contact: under which the recipient is written to.
        texts: the letters in the recipient's box, opened.
        earned: tickets that strangers earned at the recipient's node meanwhile, by kind of work.
        is_readable_at_node: whether the letter stands in plain text in any file of the recipient's node.
        elapsed_ms: from sending until the recipient's node had it.
    """

    sender: str
    recipient: str
    contact: str
    texts: tuple[str, ...]
    earned: Mapping[str, int]
    is_readable_at_node: bool
    elapsed_ms: int


class PaymentFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Many small payments by lottery tickets; amounts of wei in decimal.

    Attributes:
        payer: name of the node that pays.
        recipient: name of the node that is paid.
        requests: that were paid for, one ticket each.
        refused: tickets that were not taken, because a round had ended.
        expected_wei: what the tickets taken were worth.
        winners: of them.
        redeemed: of the winners.
        paid_wei: what the chain paid for those.
        transactions: with which they were redeemed.
        gas_wei: what that cost.
        elapsed_ms: from the first payment to the last.
        page: URL of the recipient's page.
    """

    payer: str
    recipient: str
    requests: int
    refused: int
    expected_wei: str
    winners: int
    redeemed: int
    paid_wei: str
    transactions: int
    gas_wei: str
    elapsed_ms: int
    page: str


class Figures(msgspec.Struct, frozen=True):
    """The whole story in numbers.

    Attributes:
        nodes: of the network.
        book: what was published.
        queries: one per deepness, from one node, for all offers.
        adverts_found: how many wallet adverts the deepest query for them found.
        liar: what became of it.
        letter: a stranger's, paid for by work.
        payments: ten thousand of them, by lottery tickets.
        killed: what was found without one of the nodes.
        page: URL of the web page.
        elapsed_ms: from the start to the end of the story.
    """

    nodes: tuple[NodeFigures, ...]
    book: BookFigures
    queries: tuple[QueryFigures, ...]
    adverts_found: int
    liar: LiarFigures
    letter: LetterFigures
    payments: PaymentFigures
    killed: KilledFigures
    page: str
    elapsed_ms: int
