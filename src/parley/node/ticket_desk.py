"""What the routes of the ticket service ask of a node: accounts, tickets, and the pictures of captchas."""

from __future__ import annotations

from functools import partial

from parley.adapters.upload.captcha_pictures import CaptchaPictures
from parley.errors import Rejected
from parley.node.accounts import Accounts
from parley.node.mail_routes import RELAY_PURPOSE
from parley.node.tickets import TicketOffice
from parley.upload.messages import TicketAnswer, TicketRequest
from parley.upload.methods import captcha_text

__all__ = ["Desk"]

_CAPTCHA = "captcha"
_SOUND_COST = 40
"""A recording takes as long as some forty pictures; else one source alone would keep all threads busy."""


class Desk:
    """A `parley.adapters.upload.ticket_routes.TicketDesk`."""

    def __init__(self, tickets: TicketOffice, accounts: Accounts) -> None:
        """Answer for a node."""
        self._tickets = tickets
        self._accounts = accounts
        self._pictures: CaptchaPictures | None = None

    async def authenticate(self, account: bytes, authorization: bytes | None) -> bool:
        """Say whether an Authorization header speaks for an account."""
        return await self._accounts.authenticate(account, authorization)

    async def request(self, request: TicketRequest, *, owner: bytes | None, source: str) -> TicketAnswer | Rejected:
        """Issue a ticket; messages of accounts of this node may be brought to other nodes."""
        if owner is None:
            return await self._tickets.request(request, owner=None, source=source)
        return await self._tickets.request(request, owner=owner, source=source, purpose=RELAY_PURPOSE)

    async def submit(self, ticket_id: str, method: str, result: object, source: str) -> TicketAnswer | Rejected:
        """Judge a proof."""
        return await self._tickets.submit(ticket_id, method, result, source)

    async def picture(self, ticket_id: str, source: str, *, is_sound: bool) -> bytes | Rejected:
        """Draw the picture of a captcha, or speak it.

        Raises:
            UnavailableError: BUSY: too much waits already.
        """
        found = await self._tickets.question(ticket_id, _CAPTCHA, source, cost=_SOUND_COST if is_sound else 1)
        if isinstance(found, Rejected):
            return found
        challenge, seed = found
        if self._pictures is None:
            self._pictures = CaptchaPictures()
        draw = self._pictures.render_audio if is_sound else self._pictures.render_image
        return await self._tickets.bounded(partial(draw, captcha_text(challenge.params, seed)))
