"""Tickets as programs of strangers see them: both dialects, who authenticates, and what is never told."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from parley.adapters.upload.bitmaelum import parse_work_text
from parley.errors import ErrorCode, Rejected
from parley.node.account_commands import ACCOUNT_COMMANDS, AccountAdd, AccountRemove
from parley.node.registry import NoParameters
from parley.node.subscriptions import SUBSCRIPTION_COMMANDS, SubscriptionAdd, SubscriptionRemove, Subscriptions
from parley.node.upload_serving import upload_application
from parley.node.wiring import Node
from parley.primitives.instants import Instant
from parley.upload.config import UploadConfig
from tests.unit.node.parts import NOW, SetClock, make_node
from tests.unit.node.ticket_work import ALICE, BOB, is_good
from tests.unit.web.nodes import fetch

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x11" * 32)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
NOW_S = NOW // 1_000


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    document: Any


class Site:
    """A node's routes, asked without a socket."""

    def __init__(self, folder: Path, clock: SetClock | None = None, **limits: Any) -> None:  # noqa: ANN401
        config = UploadConfig(**{"floor_units": 1, "ceiling_units": 1, **limits})
        self.node: Node = make_node(folder, clock, upload=config)
        self.application = upload_application(self.node)

    async def post(self, path: str, body: object, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        fetched = await fetch(self.application, path, method="POST", body=raw, headers=headers)
        return Answer(fetched.status, dict(fetched.headers), json.loads(fetched.body))

    async def ask(self, *preference: str) -> dict[str, Any]:
        answer = await self.post("/ticket", request(preference=list(preference)))
        assert answer.status == 200, answer
        return dict(answer.document)


def request(**changes: object) -> dict[str, object]:
    return {"sender": ALICE.hex(), "recipient": BOB.hex(), **changes}


def counters(data: str, bits: int) -> tuple[int, int]:
    """Return the smallest counter that is good and the smallest that is not, of those that BitMaelum can send."""
    found: dict[bool, int] = {}
    counter = 1
    while len(found) < 2:
        found.setdefault(is_good(data, counter, bits), counter)
        counter += 1
    return found[True], found[False]


def bearer(account: bytes = ALICE, key: ed25519.Ed25519PrivateKey = KEY, **changes: int) -> str:
    claims = {"exp": NOW_S + 60, "nbf": NOW_S - 30, "iat": NOW_S - 30, "sub": account.hex(), **changes}
    return "Bearer " + jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm="EdDSA")


def owner(node: Node) -> str:
    return "Basic " + base64.b64encode(f"parley:{node.owner_secret}".encode()).decode()


async def test_the_exchange_of_the_page(tmp_path: Path) -> None:
    site = Site(tmp_path)
    offered = await site.ask("pow")
    assert (offered["valid"], offered["worktype"], offered["expires"]) == (False, "pow", NOW_S + 1_800)
    assert set(offered["pow"]) == {"bits", "data"}
    good, wrong = counters(offered["pow"]["data"], offered["pow"]["bits"])
    refused = await site.post(f"/ticket/{offered['ticket_id']}", {"pow": {"result": wrong}})
    assert refused.status == 200
    assert refused.document["valid"] is False
    assert refused.document["expires"] == offered["expires"]
    assert refused.document["ticket_id"] != offered["ticket_id"]
    assert refused.document["pow"]["data"] != offered["pow"]["data"]
    proven = await site.post(f"/ticket/{offered['ticket_id']}", {"pow": {"result": good}})
    assert proven.status == 200
    assert proven.headers["cache-control"] == "no-store"
    page = {name: value for name, value in proven.document.items() if name.islower()}
    assert page == {"ticket_id": offered["ticket_id"], "valid": True, "expires": NOW_S + 1_800}


async def test_the_exchange_of_bitmaelums_clients(tmp_path: Path) -> None:
    site = Site(tmp_path)
    body = request(subscription_id="", preference=["pow"])
    offered = (await site.post("/ticket", body)).document
    assert {
        name: offered[name] for name in ("Valid", "Expiry", "Sender", "Recipient", "SubscriptionID", "AuthKey")
    } == {
        "Valid": False,
        "Expiry": "2027-01-15T08:30:00Z",
        "Sender": ALICE.hex(),
        "Recipient": BOB.hex(),
        "SubscriptionID": "",
        "AuthKey": "",
    }
    assert offered["Work"]["Type"] == "pow"
    work = parse_work_text(offered["Work"]["Data"])
    assert not isinstance(work, Rejected)
    good, wrong = counters(work.data, work.bits)
    again = (await site.post(f"/ticket/{offered['ID']}", {"proof": wrong})).document
    assert (again["Valid"], again["Work"]["Type"]) == (False, "pow")
    proven = (await site.post(f"/ticket/{offered['ID']}", {"proof": good})).document
    assert (proven["ID"], proven["Valid"], proven["Work"]) == (offered["ID"], True, None)


async def test_a_flat_proof_of_zero_is_none(tmp_path: Path) -> None:
    site = Site(tmp_path)
    offered = await site.ask("pow")
    answer = await site.post(f"/ticket/{offered['ID']}", {"proof": 0})
    assert (answer.status, answer.document["Valid"]) == (200, False)


async def test_a_request_may_be_posted_to_a_ticket_of_the_askers_own(tmp_path: Path) -> None:
    site = Site(tmp_path)
    answer = await site.post("/ticket/e126da5d-0000-4000-8000-000000000000", request(preference=["math", "pow"]))
    assert (answer.status, answer.document["worktype"]) == (200, "math")
    assert answer.document["math"]["data"].endswith(" = ?")


@pytest.mark.parametrize("path", ["address", "account"])
async def test_an_account_that_authenticates_gets_a_valid_ticket(path: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    await site.node.accounts.add(ALICE, [PEM])
    for authorization in (bearer(), owner(site.node)):
        answer = await site.post(f"/{path}/{ALICE.hex()}/ticket", request(), authorization=authorization)
        assert (answer.status, answer.document["valid"], answer.document["Work"]) == (200, True, None)


async def test_an_account_gets_no_ticket_for_another_sender(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await site.node.accounts.add(ALICE, [PEM])
    body = request(sender=BOB.hex())
    answer = await site.post(f"/address/{ALICE.hex()}/ticket", body, authorization=bearer())
    assert (answer.status, answer.document["reason"]) == (403, "unauthorized")


async def test_nothing_tells_an_unknown_account_from_a_wrong_token(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await site.node.accounts.add(ALICE, [PEM])
    stranger = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
    answers = [
        await site.post(f"/address/{account.hex()}/ticket", request(sender=account.hex()), **headers)
        for account in (ALICE, BOB)
        for headers in (
            {},
            {"authorization": "Bearer nonsense"},
            {"authorization": bearer(account, stranger)},
            {"authorization": "Basic cGFybGV5Og=="},
        )
    ]
    assert {(one.status, json.dumps(one.document), tuple(sorted(one.headers.items()))) for one in answers} == {
        (401, json.dumps(answers[0].document), tuple(sorted(answers[0].headers.items())))
    }


async def test_a_token_for_one_account_opens_no_other(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await site.node.accounts.add(ALICE, [PEM])
    await site.node.accounts.add(BOB, [PEM])
    answer = await site.post(f"/address/{BOB.hex()}/ticket", request(sender=BOB.hex()), authorization=bearer(ALICE))
    assert answer.status == 401


async def test_the_answer_does_not_depend_on_whether_the_recipient_is_known(tmp_path: Path) -> None:
    """Ask two nodes of one key and one entropy, one of which knows the recipient: not a byte differs."""
    answers = []
    for is_known in (True, False):
        site = Site(tmp_path / "node")
        if is_known:
            await site.node.accounts.add(BOB, [PEM])
        said = [
            await site.post("/ticket", request(preference=[method]))
            for method in ("pow", "math", "captcha", "wait", "pow-memory")
        ]
        offered = said[0].document
        good, wrong = counters(offered["pow"]["data"], offered["pow"]["bits"])
        for result in (wrong, good, good):
            said.append(await site.post(f"/ticket/{offered['ticket_id']}", {"pow": {"result": result}}))  # noqa: PERF401
        answers.append(said)
        shutil.rmtree(tmp_path / "node")
    assert answers[0] == answers[1]
    assert [one.document["valid"] for one in answers[0]] == [False] * 6 + [True] * 2


async def test_refusals_say_what_to_do_next(tmp_path: Path) -> None:
    clock = SetClock()
    site = Site(tmp_path, clock)
    offered = await site.ask("math")
    wrong = f"/ticket/{offered['ticket_id']}"
    outcomes = [
        await site.post("/ticket", b"{"),
        await site.post("/ticket", {"sender": "x"}),
        await site.post("/ticket", b" " * 20_000),
        await site.post("/ticket", request(preference=["dance"])),
        await site.post("/address/nobody/ticket", request()),
        await site.post("/ticket/aaaa", {"pow": {"result": 1}}),
        await site.post("/ticket/a.b", {"pow": {"result": 1}}),
        await site.post(wrong, {"pow": {"result": 1}}),
        await site.post(f"/ticket/{(await site.ask('wait'))['ticket_id']}", {"wait": {"result": ""}}),
    ]
    assert [one.status for one in outcomes] == [400, 400, 413, 422, 404, 404, 404, 422, 422]
    assert all(one.headers["content-type"] == "application/problem+json" for one in outcomes)
    assert all(one.document["next"] and one.document["status"] == one.status for one in outcomes)
    assert outcomes[-1].headers["retry-after"] == "1"
    await site.post(wrong, {"math": {"result": 100_000}})
    spent = await site.post(wrong, {"math": {"result": 100_001}})
    assert (spent.status, spent.document["valid"]) == (200, False)
    clock.moment = Instant(NOW + 1_800_000)
    assert (await site.post(wrong, {"math": {"result": 1}})).status == 410


async def test_attempts_are_limited(tmp_path: Path) -> None:
    site = Site(tmp_path, wrong_answers_max=2)
    offered = await site.ask("math")
    again = await site.post(f"/ticket/{offered['ticket_id']}", {"math": {"result": 100_000}})
    enough = await site.post(f"/ticket/{again.document['ticket_id']}", {"math": {"result": 100_000}})
    assert (enough.status, enough.document["reason"]) == (422, "work_rejected")
    assert enough.document["facts"] == {"wrong_answers": 2, "maximum": 2}


async def test_other_methods_and_paths_are_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    got = await fetch(site.application, "/ticket")
    assert (got.status, got.headers["allow"]) == (405, "POST")
    assert (await fetch(site.application, "/ticket/a/b/c")).status == 404


async def test_a_captcha_has_a_picture_and_a_recording(tmp_path: Path) -> None:
    site = Site(tmp_path)
    offered = await site.ask("captcha")
    image = await fetch(site.application, offered["captcha"]["image_url"])
    assert (image.status, image.headers["content-type"], image.body[:8]) == (200, "image/png", b"\x89PNG\r\n\x1a\n")
    audio = await fetch(site.application, offered["captcha"]["audio_url"])
    assert (audio.status, audio.headers["content-type"], audio.body[:4]) == (200, "audio/wav", b"RIFF")
    assert image.headers["cache-control"] == "no-store"
    (beside,) = offered["alternatives"]
    assert (await fetch(site.application, f"/ticket/{beside['ticket_id']}/image")).status == 404


async def test_the_owner_adds_lists_and_removes_accounts(tmp_path: Path) -> None:
    node = Site(tmp_path).node
    add, listed, remove = (command.run for command in ACCOUNT_COMMANDS)
    assert await add(node, AccountAdd([PEM], name="alice")) == {"hash": ALICE.hex()}
    assert await add(node, AccountAdd([PEM], hash=BOB.hex().upper())) == {"hash": BOB.hex()}
    assert await listed(node, NoParameters()) == sorted(
        [
            {"hash": ALICE.hex(), "name": "alice", "keys": ["EdDSA"]},
            {"hash": BOB.hex(), "name": "", "keys": ["EdDSA"]},
        ],
        key=lambda one: str(one["hash"]),
    )
    assert await remove(node, AccountRemove(BOB.hex())) is None
    assert await remove(node, AccountRemove(BOB.hex())) == Rejected(ErrorCode.NOT_FOUND)
    assert await node.accounts.has(ALICE)
    assert not await node.accounts.has(BOB)


@pytest.mark.parametrize(
    "parameters",
    [AccountAdd([PEM]), AccountAdd([PEM], name="a", hash=BOB.hex()), AccountAdd([PEM, "x"], name="a")],
)
async def test_an_account_needs_one_name_and_public_keys(parameters: AccountAdd, tmp_path: Path) -> None:
    node = Site(tmp_path).node
    refused = await ACCOUNT_COMMANDS[0].run(node, parameters)
    assert isinstance(refused, Rejected)
    assert refused.code is ErrorCode.INVALID_PARAMS
    assert await node.accounts.list() == ()


async def test_the_owner_adds_lists_and_removes_subscriptions(tmp_path: Path) -> None:
    node = Site(tmp_path).node
    add, listed, remove = (command.run for command in SUBSCRIPTION_COMMANDS)
    assert await add(node, SubscriptionAdd("news", [ALICE.hex()])) is None
    assert await add(node, SubscriptionAdd("open")) is None
    assert isinstance(await add(node, SubscriptionAdd("no blanks")), Rejected)
    shown = [{"id": "news", "senders": [ALICE.hex()]}, {"id": "open", "senders": None}]
    assert await listed(node, NoParameters()) == shown
    again = Subscriptions(node.store.documents)
    await again.load()
    assert dict(again.senders) == {"news": frozenset({ALICE}), "open": None}
    assert await remove(node, SubscriptionRemove("open")) is None
    assert await remove(node, SubscriptionRemove("open")) == Rejected(ErrorCode.NOT_FOUND)
