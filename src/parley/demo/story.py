"""The story that the demo tells, act by act: meet, publish, ask, a liar, a letter, payments, a crash."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from parley.adapters.jsonrpc.documents import RecordDocument, parse_record_document, record_document
from parley.adapters.system import SystemClock, SystemEntropy
from parley.demo.book import (
    ADVERT_KEYS,
    CURRENCIES,
    MWC_DECIMALS,
    OFFER_KEYS,
    Book,
    Offer,
    make_book,
    parse_offer,
    shown_amount,
)
from parley.demo.figures import (
    BookFigures,
    Figures,
    KilledFigures,
    LetterFigures,
    LiarFigures,
    NodeFigures,
    PaymentFigures,
    QueryFigures,
)
from parley.demo.letter import LETTER, send_letter
from parley.demo.network import ASKING, DRAWING, GRAPH, DemoNetwork, Wallet, neighbours
from parley.demo.payments import PAYMENTS, pay_for_requests
from parley.errors import ErrorCode, LocalError, PeerError, Rejected
from parley.ledgers.evm.amounts import show_wei
from parley.node.program import Output, Tone
from parley.pool.config import PoolConfig
from parley.pool.rules import check_record
from parley.testing.liar import Lie

__all__ = ["Story"]

_DEEPNESSES: Final = (1, 2, 3, 4)
_DEEPEST: Final = _DEEPNESSES[-1]
_LIAR: Final = "L"
_LIES: Final = (Lie.EXPIRED, Lie.FORGED)
_TRUSTING: Final = "C"
"""The node whose owners give the liar some of their offers too."""
_TRUSTED_OFFERS: Final = 5
_WRITTEN_TO: Final = "E"
_PAID: Final = "D"
_KILLED: Final = "A"
_SHOWN_OFFERS: Final = 5
_NS_PER_MS: Final = 1_000_000


class Story:
    """Told once, on an output, with a network."""

    def __init__(self, output: Output, network: DemoNetwork) -> None:
        """Begin with nothing started."""
        self._output = output
        self._network = network
        self._clock = SystemClock()
        self._wallets: dict[str, Wallet] = {}

    async def tell(self, begun_ms: int) -> Figures:
        """Tell everything.

        Args:
            begun_ms: when the program began, on the monotonic clock.

        Raises:
            ParleyError: a node did not start, or did not do what it should.
        """
        self._output.line("Wallets that do not trust each other meet.", Tone.HEADING)
        nodes = await self._meet()
        book = make_book(sorted(GRAPH), SystemEntropy(), self._clock.now())
        published = await self._publish(book)
        queries = await self._ask()
        adverts = await self._ask_for_adverts()
        liar = await self._hear_a_liar(book)
        letter = await self._send_a_letter()
        payments = await self._pay_for_requests()
        killed = await self._lose_a_node()
        elapsed_ms = time.monotonic_ns() // _NS_PER_MS - begun_ms
        self._output.line(f"  The whole story took {elapsed_ms / 1_000:.1f} s.", Tone.FAINT)
        page = f"{self._network.nodes[ASKING].url}/"
        return Figures(nodes, published, queries, adverts, liar, letter, payments, killed, page, elapsed_ms)

    async def _meet(self) -> tuple[NodeFigures, ...]:
        output, network = self._output, self._network
        self._act("1. Five nodes start on this machine.")
        self._say("Each is a process of its own, with its own key, its own memory and its own port.")
        with output.progress("starting nodes", total=len(GRAPH)) as progress:
            done: list[str] = []

            def count(name: str) -> None:
                done.append(name)
                progress.advance(len(done), f"node {name} answers")

            await network.start(GRAPH, count)
            self._wallets = {name: Wallet(network.nodes[name]) for name in sorted(GRAPH)}
            await network.wait_linked()
        for line in DRAWING:
            output.line(f"      {line}")
        nodes = [await self._describe(name) for name in sorted(GRAPH)]
        rows = [(node.name, node.http, ", ".join(node.links), node.id[:16]) for node in nodes]
        output.table(("node", "address", "linked with", "key"), rows)
        return tuple(nodes)

    async def _describe(self, name: str) -> NodeFigures:
        node, known = self._network.nodes[name], (await self._wallets[name].call("node_id"))["Ok"]
        return NodeFigures(name, known["id"], node.url, str(node.directory.path), neighbours(name))

    async def _publish(self, book: Book) -> BookFigures:
        self._act(f"2. {book.authors} wallets publish {book.offers} swap offers and {book.adverts} wallet adverts.")
        self._say("Each puts its records into the node that it trusts: its own. Every record is signed by its wallet.")
        self._say("Nothing is broadcast: no node knows what the others hold.")
        begun_ns = time.monotonic_ns()
        with self._output.progress("publishing"):
            await asyncio.gather(
                *(
                    self._wallets[name].call_each("push_message", [{"record": record_document(one)} for one in records])
                    for name, records in book.by_node.items()
                )
            )
        elapsed_ms = (time.monotonic_ns() - begun_ns) // _NS_PER_MS
        held = {name: (await wallet.call("pool_status"))["Ok"]["records"] for name, wallet in self._wallets.items()}
        self._output.table(("node", "records"), list(held.items()))
        return BookFigures(book.authors, book.offers, book.adverts, held, elapsed_ms)

    async def _ask(self) -> tuple[QueryFigures, ...]:
        self._act(f"3. A wallet at node {ASKING} asks for every swap offer, deeper and deeper.")
        self._say(f"Deepness 1 is node {ASKING} alone; each step more is one link farther.")
        self._say("A node that is asked twice says so the second time: that is a duplicate.")
        asked = [await self._query(deepness) for deepness in _DEEPNESSES]
        queries = [query for query, _ in asked]
        self._output.table(
            ("deepness", "nodes", "records", "requests", "duplicates", "hops", "ms"),
            [
                (query.deepness, " ".join(query.nodes), query.records, query.asked, query.duplicates, query.hops,
                 query.elapsed_ms)
                for query in queries
            ],
        )  # fmt: skip
        deepest = queries[-1]
        self._claim(
            is_so=deepest.verified == deepest.records,
            sentence=f"The wallet verified all {deepest.verified} signatures itself; it trusts no node for that.",
        )
        self._show_offers(asked[-1][1])
        return tuple(queries)

    async def _ask_for_adverts(self) -> int:
        """Ask for the wallets that take decoy outputs, and return how many were found."""
        found = len((await self._query(_DEEPEST, ADVERT_KEYS))[1])
        self._say(f"Under other keys, {'/'.join(ADVERT_KEYS)}, it finds {found} wallets that accept decoy outputs.")
        return found

    def _show_offers(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Show the cheapest offers of MWC for BTC."""
        currency = CURRENCIES["btc"]
        found: list[tuple[Offer, str]] = []
        for entry in entries:
            try:
                offer = parse_offer(entry["Message"])
            except PeerError:
                continue  # anybody may put anything under these keys
            if offer.currency == currency.name and offer.sell:
                found.append((offer, entry["Node"]))
        found.sort(key=lambda pair: (pair[0].price_atoms(), -pair[0].mwc_nano))
        self._say(f"Of the {len(found)} offers that sell MWC for BTC, the cheapest:")
        self._output.table(
            ("sells MWC", "for BTC", "satoshi per MWC", "fee committed, MWC", "wallet", "found at"),
            [
                (
                    shown_amount(offer.mwc_nano, MWC_DECIMALS),
                    shown_amount(offer.second_atoms, currency.decimals),
                    offer.price_atoms(),
                    shown_amount(offer.fee_nano, MWC_DECIMALS),
                    offer.wallet_address[:16],
                    node,
                )
                for offer, node in found[:_SHOWN_OFFERS]
            ],
        )

    async def _hear_a_liar(self, book: Book) -> LiarFigures:
        self._act(f"4. Node {_LIAR} links with {ASKING}, and lies.")
        self._say(f"Some wallets gave it {_TRUSTED_OFFERS} of their offers, which node {_TRUSTING} holds too.")
        self._say("First it answers with a record whose time is long over.")
        self._say("Then it puts its own wallet into the offers of others, and leaves their signatures as they are.")
        liar = await self._network.start_liar(_LIAR, [lie.value for lie in _LIES])
        await self._network.wait_links(ASKING, len(neighbours(ASKING)) + 1)
        given = [{"record": record_document(record)} for record in book.by_node[_TRUSTING][:_TRUSTED_OFFERS]]
        await Wallet(liar).call_each("push_message", given)
        queries: list[QueryFigures] = []
        peers: list[Mapping[str, Any]] = []
        for _ in (*_LIES, None):
            queries.append((await self._query(_DEEPEST))[0])
            every = (await self._wallets[ASKING].call("peers_list"))["Ok"]
            peers.append(next(peer for peer in every if peer["address"] == liar.url))
        self._output.table(
            ("query", "told by L", "requests", "records", "verified", f"{ASKING} about {_LIAR}", "charged with"),
            [
                (number, told, query.asked, query.records, query.verified, peer["phase"], _shown_reasons(peer))
                for number, told, query, peer in zip(
                    (1, 2, 3), (*(lie.value for lie in _LIES), "not asked"), queries, peers, strict=True
                )
            ],
        )
        blamed = tuple(peer["address"] for peer in every if peer["reasons"])
        self._claim(
            is_so=all(query.verified == query.records == book.offers for query in queries),
            sentence="Not one false record came through, and every honest one did.",
        )
        self._claim(
            is_so=peers[-1]["phase"] == "banned" and blamed == (liar.url,),
            sentence=f"{ASKING} talks to {_LIAR} no more. Nobody else was blamed, least of all the authors.",
        )
        reasons = tuple(peer["reasons"] for peer in peers)
        return LiarFigures(tuple(queries), reasons, tuple(peer["phase"] for peer in peers), blamed, liar.url)

    async def _send_a_letter(self) -> LetterFigures:
        self._act(f"5. The wallet at {ASKING} writes to one at {_WRITTEN_TO}, which does not know it.")
        self._say(f"Node {_WRITTEN_TO} takes letters from strangers against work, so that nobody floods its boxes.")
        self._say(f"Node {ASKING} fetches a ticket there, works for it, and brings the letter, sealed for its reader.")
        letter = await send_letter(self._network.nodes[ASKING], self._network.nodes[_WRITTEN_TO])
        self._output.table(
            ("from", "to", "ticket earned by", "delivered after ms", "the reader opens"),
            [(letter.sender, letter.recipient, ", ".join(letter.earned), letter.elapsed_ms, letter.texts[-1])],
        )
        self._claim(
            is_so=letter.texts == (LETTER,) and sum(letter.earned.values()) == 1,
            sentence="One letter, one ticket, paid for once: the ticket is spent and opens the box no more.",
        )
        self._claim(
            is_so=not letter.is_readable_at_node,
            sentence=f"Node {_WRITTEN_TO} keeps cipher text: only the key of its reader opens it.",
        )
        return letter

    async def _pay_for_requests(self) -> PaymentFigures:
        self._act(f"6. The wallet at {ASKING} pays node {_PAID} for {PAYMENTS:,} requests, a hair of an ether each.")
        self._say("Each payment is a lottery ticket: signed, checked, and drawn at once; no chain is asked.")
        self._say("One ticket in a thousand wins a thousand times its worth, and only winners go to the chain.")
        with self._output.progress("paying", total=PAYMENTS) as progress:
            paid = await pay_for_requests(
                self._wallets[ASKING],
                self._wallets[_PAID],
                self._network.nodes[_PAID].url,
                (ASKING, _PAID),
                lambda done: progress.advance(done, "payments"),
            )
        rate = paid.requests * 1_000 // max(1, paid.elapsed_ms)
        self._output.table(
            ("requests", "a second", "worth", "winners", "paid by the chain", "transactions"),
            [
                (
                    paid.requests,
                    rate,
                    show_wei(int(paid.expected_wei)),
                    paid.winners,
                    show_wei(int(paid.paid_wei)),
                    paid.transactions,
                )
            ],
        )
        self._claim(
            is_so=paid.requests >= PAYMENTS and paid.redeemed == paid.winners > 0,
            sentence=f"Every winner is redeemed: {paid.transactions} transactions for {paid.requests:,} payments.",
        )
        self._say("What was paid is near what it was worth, and nearer with every ticket: the law of large numbers.")
        return paid

    async def _lose_a_node(self) -> KilledFigures:
        self._act(f"7. Node {_KILLED} crashes.")
        self._network.nodes[_KILLED].kill()
        query, _ = await self._query(_DEEPEST)
        self._say(f"It was killed (SIGKILL), and nobody was told. The wallet at {ASKING} asks once more:")
        self._output.table(
            ("nodes", "records", "requests", "answered", "failed", "hops", "ms"),
            [
                (
                    " ".join(query.nodes),
                    query.records,
                    query.asked,
                    query.answered,
                    query.refused + query.timed_out,
                    query.hops,
                    query.elapsed_ms,
                )
            ],
        )
        self._claim(
            is_so=query.answered < query.asked,
            sentence=f"The answer says itself that it is not complete: {query.asked - query.answered} requests failed.",
        )
        self._claim(
            is_so=set(query.nodes) == set(GRAPH) - {_KILLED},
            sentence=f"{_KILLED}'s own records are missing; those of D and E still came, the other way round.",
        )
        return KilledFigures(_KILLED, query)

    async def _query(
        self, deepness: int, keys: Sequence[str] = OFFER_KEYS
    ) -> tuple[QueryFigures, Sequence[Mapping[str, Any]]]:
        """Ask with proofs, and verify each record as a wallet would."""
        result, elapsed_ms = await self._wallets[ASKING].timed(
            "query_message", keys=list(keys), deepness=deepness, size_limit=1_000, stats=True, proofs=True
        )
        entries, stats = result["Ok"], result["stats"]
        query = QueryFigures(
            deepness=deepness,
            nodes=tuple(sorted({entry["Node"] for entry in entries})),
            records=len(entries),
            verified=sum(self._is_genuine(entry) for entry in entries),
            asked=stats["asked"],
            answered=stats["answered"],
            refused=stats["refused"],
            timed_out=stats["timed_out"],
            duplicates=stats["duplicates"],
            hops=stats["hops"],
            elapsed_ms=elapsed_ms,
        )
        return query, entries

    def _is_genuine(self, entry: Mapping[str, Any]) -> bool:
        """Say whether the proof holds, and is a proof of what is shown."""
        try:
            record = parse_record_document(msgspec.convert(entry["Record"], RecordDocument))
        except (PeerError, msgspec.ValidationError):
            return False
        if isinstance(check_record(record, self._clock.now(), PoolConfig()), Rejected):
            return False
        return (list(record.keys), record.message) == (entry["Keys"], entry["Message"])

    def _act(self, title: str) -> None:
        self._output.line()
        self._output.line(title, Tone.HEADING)

    def _say(self, sentence: str) -> None:
        self._output.line(f"  {sentence}")

    def _claim(self, *, is_so: bool, sentence: str) -> None:
        """Say something only if it is so.

        Raises:
            LocalError: WRONG_STATE: it is not.
        """
        if not is_so:
            raise LocalError(ErrorCode.WRONG_STATE, expected=sentence)
        self._output.line(f"  {sentence}", Tone.GOOD)


def _shown_reasons(peer: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in peer["reasons"].items()) or "nothing"
