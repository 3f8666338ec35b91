"""`TicketGate`: work or money before an answer, for any ASGI application.

    client                                     gate                                    application
      POST /search                     ──►       nothing is kept
                                       ◄──       402, PAYMENT-REQUIRED: what it costs
      works
      POST /search, PAYMENT-SIGNATURE  ──►       body, form, mac, expiry, binding, work
                                                 claims it, in one step          ──►     acts
                                       ◄──       PAYMENT-RESPONSE                ◄──     answers
      the same once more               ──►       the kept answer, or 409, or (safe methods) 402 again

No payment lets a request through twice. It is claimed before the application acts, and stays spent whatever comes
of it: docs/why/gate.md says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from parley.adapters.memory.store import MemoryStore
from parley.adapters.system import SystemClock, SystemEntropy
from parley.errors import ConfigError, ErrorCode, PeerError, Rejected, UnavailableError
from parley.gate.answers import Absence, Answer, KeptAnswers
from parley.gate.binding import Act, act_of
from parley.gate.config import GateConfig, Prices, wei_prices
from parley.gate.exchange import (
    AnyApp,
    AnyValue,
    Recorder,
    given_body,
    header_values,
    read_body,
    send_answer,
    target_of,
)
from parley.gate.problems import problem
from parley.gate.schemes import Charge, Repeated, Scheme, Settled
from parley.gate.work_scheme import WorkScheme
from parley.gate.x402 import (
    OFFERS_MAX,
    REQUIRED_HEADER,
    RESPONSE_HEADER,
    SENDER_HEADER,
    SIGNATURE_HEADER,
    X402_VERSION,
    PaymentRequired,
    PaymentResponse,
    PaymentSignature,
    Requirement,
    Resource,
    encode_header,
    parse_signature,
)
from parley.ports.clock import Clock
from parley.ports.entropy import Entropy
from parley.ports.store import Claims
from parley.primitives.encoding import encode_bytes
from parley.primitives.hashing import tagged_hash
from parley.protocol.proof_of_work import ProofOfWork
from parley.protocol.work import Registry

__all__ = ["DEFAULT_PRICE_UNITS", "SAFE_METHODS", "TicketGate"]

DEFAULT_PRICE_UNITS: Final = 64
"""262,144 tries of `pow` on average: about a tenth of a second of Python, some milliseconds of native code."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing (RFC 9110), so that a second attempt does no harm."""

_SECRET_BYTES: Final = 32
_KEPT_PATHS: Final = 256
_KEPT_PATH_MAX: Final = 512
_MS_PER_SECOND: Final = 1_000
_SENDER: Final = SENDER_HEADER.lower().encode()
_SIGNATURE: Final = SIGNATURE_HEADER.lower().encode()
_REQUIRED: Final = REQUIRED_HEADER.lower().encode()
_RESPONSE: Final = RESPONSE_HEADER.lower().encode()
_RETRY_AFTER: Final = b"retry-after"
_PRIVATE: Final = (b"cache-control", b"private")
_PAYER_TAG: Final = "parley/gate/payer/v1"
_CREDENTIALS: Final = (b"authorization", b"cookie")
_WATCHED: Final = frozenset({_SIGNATURE, _SENDER, *_CREDENTIALS})
_NOBODY: Final = tagged_hash(_PAYER_TAG, *(encode_bytes(b"", length_bytes=4) for _ in _CREDENTIALS))
_NOT_KEPT: Final = (
    "this payment has admitted this very request before, and its answer was not kept: look whether the request took "
    "effect before you pay for another"
)
_UNDER_WAY: Final = "this payment has admitted this very request, which is still under way; ask once more in a moment"


_Tariff = tuple[tuple[Scheme, int], ...]
"""The ways to pay for one request, each with its price."""


class _Asking(msgspec.Struct, frozen=True):
    """A request that does not get through yet."""

    act: Act
    tariff: _Tariff
    payer: bytes
    account: str
    url_scheme: str

    def charge(self, price: int) -> Charge:
        return Charge(self.act, price, self.payer, self.account)


class _Passage(msgspec.Struct, frozen=True):
    """A request that paid."""

    scheme: Scheme
    settled: Settled
    body: bytes


class TicketGate:
    """Ask for work or money before an application answers.

    ```python
    from parley.gate import TicketGate

    app = TicketGate(app, price_units={"/search": 64, "/api/*": 16})   # work
    app = TicketGate(app, price="20 gwei", till=till)                  # lottery tickets, see parley.gate.till
    ```

    Warning: as it stands, the secret is drawn at the start and what was spent is kept in memory. So a restart makes
    offers worthless that clients work on, and several worker processes refuse each other's. Give both a `secret` and
    the `claims` of a store that they share (`parley.adapters.sqlite.store`) where there are several, or where one
    proof must not count again in another.

    Only HTTP requests are asked for payment: WebSockets and the lifespan pass.
    """

    def __init__(
        self,
        app: AnyApp,
        *,
        price_units: int | Mapping[str, int] | None = None,
        price: int | str | Mapping[str, int | str] = 0,
        till: Scheme | None = None,
        secret: bytes | None = None,
        claims: Claims | None = None,
        methods: Registry | None = None,
        schemes: tuple[Scheme, ...] = (),
        config: GateConfig | None = None,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
    ) -> None:
        """Stand in front of an application.

        Args:
            app: what is guarded.
            price_units: in work, of every path or per path or beginning of paths; see `parley.gate.config.Prices`.
                None is DEFAULT_PRICE_UNITS where there is no till, and no work at all where there is one.
            price: in money, likewise: wei, or text such as "20 gwei". Where a path has both prices, either admits.
            till: takes the money; None where no path has a price in money.
            secret: under which offers of work are made, at least 32 bytes; None draws one.
            claims: where the work that is spent is kept; None keeps it in memory.
            methods: kinds of work; None is `pow` alone, and an empty registry no work at all.
            schemes: further ways to pay, offered after work and charged by `price_units`.
            config: limits.
            clock: tells the time; None for the system's.
            entropy: for names of challenges and the secret; None for the system's.

        Raises:
            ConfigError: a setting is out of range, there is nothing to pay with, or a price in money and no till.
        """
        self._app = app
        self._config = GateConfig() if config is None else config
        self._clock = SystemClock() if clock is None else clock
        source = SystemEntropy() if entropy is None else entropy
        wei = Prices(wei_prices(price))
        if (till is None) != (not wei.all_units()):
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="price", wanted="a price together with a till")
        default_units = DEFAULT_PRICE_UNITS if till is None else 0
        units = Prices(default_units if price_units is None else price_units)
        registry = Registry((ProofOfWork(),)) if methods is None else methods
        work: list[Scheme] = []
        if registry.methods and (units.all_units() or till is None):
            work_scheme = WorkScheme(
                registry,
                secret=source.take(_SECRET_BYTES) if secret is None else secret,
                claims=MemoryStore().claims if claims is None else claims,
                entropy=source,
                ticket_ms=self._config.ticket_ms,
            )
            work.append(work_scheme)
        tills: tuple[Scheme, ...] = () if till is None else (till,)
        self._tariff = (*((one, wei) for one in tills), *((scheme, units) for scheme in (*work, *schemes)))
        _check_schemes(self._tariff)
        self._known_tariff = lru_cache(maxsize=_KEPT_PATHS)(self._look_up)
        self._answers = KeptAnswers(self._config.answers_max_bytes)

    async def __call__(self, scope: AnyValue, receive: AnyValue, send: AnyValue) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            # Some servers add the trailers of a body to this list while it comes: what was judged is to be served.
            scope["headers"] = tuple(scope["headers"])
        tariff = self._tariff_of(scope)
        if not tariff:
            await self._app(scope, receive, send)
            return
        try:
            outcome = await self._judge(scope, receive, tariff)
        except PeerError as error:
            outcome = problem(400, error.code, facts=error.facts)
        except UnavailableError as error:
            outcome = problem(503, error.code, headers=(_retry_after(error.retry_after_ms),))
        except ConfigError:
            # A way to pay that opens late finds a wrong setting: not for strangers to know which.
            outcome = problem(503, ErrorCode.UNREACHABLE)
        if isinstance(outcome, _Passage):
            await self._pass_on(scope, receive, send, outcome)
        elif outcome is not None:
            await send_answer(outcome, send, has_body=scope["method"] != "HEAD")

    def _tariff_of(self, scope: Scope) -> _Tariff:
        """Return how a request can be paid for; nothing where it is free."""
        if scope["type"] != "http" or scope["method"] in self._config.exempt_methods:
            return ()
        path, root_path = scope["path"], scope.get("root_path", "")
        is_short = len(path) + len(root_path) <= _KEPT_PATH_MAX
        return self._known_tariff(path, root_path) if is_short else self._look_up(path, root_path)

    def _look_up(self, path: str, root_path: str) -> _Tariff:
        priced = [(scheme, prices.units(path, root_path)) for scheme, prices in self._tariff]
        return tuple([item for item in priced if item[1] > 0])

    async def _judge(self, scope: Scope, receive: Receive, tariff: _Tariff) -> _Passage | Answer | None:
        """Take the payment of a request that pays; return what to answer one that does not, None if nobody waits."""
        watched = _watched_headers(scope)
        payment = _payment_of(watched)
        body = await read_body(scope, receive, self._config.body_max_bytes)
        if body is None:
            return None
        if isinstance(body, Rejected):
            return problem(413, body.code, facts=body.facts)
        act = act_of(method=scope["method"], realm=self._realm(scope), target=target_of(scope), body=body)
        asking = _Asking(act, tariff, _payer_of(watched), _account_of(watched), scope["scheme"])
        if payment is None:
            return await self._ask(asking, Rejected(ErrorCode.WORK_REQUIRED))
        wanted = (payment.accepted.scheme, payment.accepted.network)
        chosen = next((item for item in tariff if (item[0].name, item[0].network) == wanted), None)
        if chosen is None:
            return await self._ask(asking, Rejected(ErrorCode.METHOD_UNKNOWN), _failed("", ErrorCode.METHOD_UNKNOWN))
        scheme, price = chosen
        match await scheme.settle(payment, asking.charge(price), self._clock.now()):
            case Settled() as settled:
                return _Passage(scheme, settled, body)
            case Repeated(reference=reference):
                return await self._repeat(asking, scheme, reference)
            case Rejected() as refused:
                return await self._ask(asking, refused, _failed(scheme.network, refused.code))

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, passage: _Passage) -> None:
        scheme, settled = passage.scheme, passage.settled
        receipt = PaymentResponse(
            success=True, transaction=settled.reference, network=scheme.network, extra=settled.extra
        )
        recorder = Recorder(send, ((_RESPONSE, encode_header(receipt)), _PRIVATE), self._config.answer_max_bytes)
        name = _answer_name(scheme, settled.reference)
        self._answers.begin(name)
        answer: Answer | None = None
        try:
            await self._app(scope, given_body(passage.body, receive), recorder)
            answer = recorder.answer()
        finally:
            self._answers.finish(name, answer, expires_ms=settled.expires_ms, now=self._clock.now())

    async def _repeat(self, asking: _Asking, scheme: Scheme, reference: str) -> Answer:
        match self._answers.find(_answer_name(scheme, reference)):
            case Answer() as kept:
                return kept
            case Absence.UNDER_WAY:
                return problem(409, ErrorCode.BUSY, detail=_UNDER_WAY, headers=(_retry_after(_MS_PER_SECOND),))
            case Absence.NOT_KEPT if asking.act.method in SAFE_METHODS:
                spent = ErrorCode.ALREADY_SPENT
                return await self._ask(asking, Rejected(spent), _failed(scheme.network, spent))
            case Absence.NOT_KEPT:
                return problem(409, ErrorCode.ALREADY_SPENT, detail=_NOT_KEPT)

    async def _ask(self, asking: _Asking, refused: Rejected, failed: PaymentResponse | None = None) -> Answer:
        act, accepts = asking.act, await self._offers(asking)
        url = f"{asking.url_scheme}://{act.realm}{act.target.decode('latin-1')}"
        required = PaymentRequired(
            x402_version=X402_VERSION,
            resource=Resource(url=url),
            accepts=tuple(accepts),
            error=refused.code.name.lower(),
        )
        headers = [(_REQUIRED, encode_header(required))]
        if failed is not None:
            headers.append((_RESPONSE, encode_header(failed)))
        members = {"accepts": [msgspec.to_builtins(entry) for entry in accepts]}
        return problem(402, refused.code, facts=refused.facts, headers=tuple(headers), members=members)

    async def _offers(self, asking: _Asking) -> list[Requirement]:
        """Return what would be accepted now, one entry or more.

        Raises:
            ConfigError: no way to pay is there, the last one for a wrong setting.
            UnavailableError: no way to pay is there at the moment.
        """
        missing: ConfigError | UnavailableError = UnavailableError(ErrorCode.BUSY)
        accepts: list[Requirement] = []
        for scheme, price in asking.tariff:
            try:
                accepts += await scheme.offer(asking.charge(price), self._clock.now())
            except (ConfigError, UnavailableError) as error:
                # While another way to pay is there, the request need not wait for this one.
                missing = error
        if not accepts:
            raise missing
        return accepts[:OFFERS_MAX]

    def _realm(self, scope: Scope) -> str:
        if self._config.realm:
            return self._config.realm
        hosts = header_values(scope, b"host")
        return hosts[0].decode("latin-1") if hosts else ""


def _failed(network: str, code: ErrorCode) -> PaymentResponse:
    return PaymentResponse(success=False, transaction="", network=network, error_reason=code.name.lower())


def _check_schemes(tariff: tuple[tuple[Scheme, Prices], ...]) -> None:
    names = [(scheme.name, scheme.network) for scheme, _ in tariff]
    if not names or len(set(names)) != len(names):
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting="schemes", schemes=len(names))
    for scheme, prices in tariff:
        for price in sorted(prices.all_units()):
            scheme.check_price(price)


def _watched_headers(scope: Scope) -> dict[bytes, list[bytes]]:
    """Return all values of the headers that say who pays, and with what."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        if name in _WATCHED:
            found.setdefault(name, []).append(value)
    return found


def _payment_of(watched: dict[bytes, list[bytes]]) -> PaymentSignature | None:
    values = watched.get(_SIGNATURE)
    if values is None:
        return None
    if len(values) > 1:
        raise PeerError(ErrorCode.MALFORMED, field=SIGNATURE_HEADER, headers=len(values))
    return parse_signature(values[0])


def _account_of(watched: dict[bytes, list[bytes]]) -> str:
    """Return who says that it will pay; nobody where several are named."""
    values = watched.get(_SENDER, ())
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _payer_of(watched: dict[bytes, list[bytes]]) -> bytes:
    """Tell callers apart by what they authenticate with, so that a proof that leaked shows nobody another's answer."""
    values = [b"\n".join(watched.get(name, ())) for name in _CREDENTIALS]
    if not any(values):
        return _NOBODY
    return tagged_hash(_PAYER_TAG, *(encode_bytes(value, length_bytes=4) for value in values))


def _answer_name(scheme: Scheme, reference: str) -> bytes:
    return f"{scheme.name}\n{scheme.network}\n{reference}".encode()


def _retry_after(wait_ms: int) -> tuple[bytes, bytes]:
    return (_RETRY_AFTER, b"%d" % max(1, -(-wait_ms // _MS_PER_SECOND)))
