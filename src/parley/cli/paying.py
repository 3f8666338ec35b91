"""`parley lottery pay`: has the own node pay another one, a part at a time, so that it can be watched and stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from parley.cli.conventions import DONE, FAILED
from parley.errors import ErrorCode, PeerError, Rejected
from parley.ledgers.evm.amounts import show_wei
from parley.node.lottery_commands import LOTTERY_TICKETS_MAX, NodeUrl, TicketWorth
from parley.node.program import Output, Program
from parley.node.registry import Audience, Command

__all__ = ["PAY", "PayNode", "pay_node"]

_PART_TICKETS: Final = 2_000
_PART_REQUESTS: Final = 500
_BUDGET_MS: Final = 120_000


class PayNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `lottery pay`."""

    url: NodeUrl
    requests: Annotated[int, Meta(ge=1, le=10**9, description="payments")] = 1
    tickets: Annotated[int, Meta(ge=1, le=LOTTERY_TICKETS_MAX, description="in each payment")] = 1
    worth: TicketWorth = "1000 gwei"
    parallel: Annotated[int, Meta(ge=1, le=64, description="payments under way at once")] = 8


class _Part(msgspec.Struct, frozen=True):
    """What the node says of a part."""

    requests: int
    tickets: int
    refused: int
    worth_wei: str
    face_value_wei: str
    ended: str


@dataclass(slots=True)
class _Tally:
    """What came of it so far; the names are those of the document."""

    requests: int = 0
    tickets: int = 0
    refused: int = 0
    worth_wei: int = 0
    face_value_wei: int = 0
    ended: str = ""

    def add(self, part: _Part) -> None:
        """Add a part."""
        self.requests += part.requests
        self.tickets += part.tickets
        self.refused += part.refused
        self.worth_wei += int(part.worth_wei)
        self.face_value_wei = int(part.face_value_wei)
        self.ended = part.ended


def pay_node(program: Program, parameters: PayNode) -> int:
    """Pay, until all is paid, the node refuses, or Ctrl-C."""
    from parley.cli.client import connect

    client, _ = connect(program.data_dir, program.environment)
    part_max = max(1, min(_PART_REQUESTS, _PART_TICKETS // parameters.tickets))
    tally = _Tally()
    with program.output.progress("paying", total=parameters.requests) as progress:
        while tally.requests < parameters.requests and not tally.ended:
            asked = {
                "url": parameters.url,
                "worth": parameters.worth,
                "requests": min(part_max, parameters.requests - tally.requests),
                "tickets": parameters.tickets,
                "parallel": parameters.parallel,
            }
            answer = client.call("lottery_pay", asked, budget_ms=_BUDGET_MS)
            if not isinstance(answer, Rejected):
                tally.add(_read(answer))
                progress.advance(tally.requests, f"{tally.tickets:,} tickets, worth {show_wei(tally.worth_wei)}")
            elif tally.requests:
                tally.ended = str(answer)
            else:
                program.output.refuse(answer)
                return FAILED
    _tell(program.output, tally)
    return DONE if not tally.ended else FAILED


def _tell(output: Output, tally: _Tally) -> None:
    amounts = {"worth_wei": str(tally.worth_wei), "face_value_wei": str(tally.face_value_wei)}
    output.document({**asdict(tally), **amounts})
    worth = f"worth {show_wei(tally.worth_wei)} on average"
    output.line(f"{tally.requests:,} payments, {tally.tickets:,} tickets, {worth}")
    output.line(f"a winner is worth {show_wei(tally.face_value_wei)}")
    if tally.refused:
        output.line(f"{tally.refused:,} tickets were not taken")
    if tally.ended:
        output.line(f"ended early: {tally.ended}")


def _read(answer: Mapping[str, Any]) -> _Part:
    try:
        return msgspec.convert(answer.get("Ok"), _Part)
    except msgspec.ValidationError as error:
        raise PeerError(ErrorCode.MALFORMED, value="answer to lottery_pay") from error


PAY: Final = Command(
    method="lottery_pay_node",
    audience=Audience.LOCAL,
    parameters=PayNode,
    run=pay_node,
    summary="Pay a node with lottery tickets, again and again.",
    words=("lottery", "pay"),
    arguments=("url",),
    result="{requests, tickets, refused, worth_wei, face_value_wei, ended}",
)
"""The command."""
