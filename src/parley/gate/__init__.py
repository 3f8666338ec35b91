"""Work before an answer, for any web application: an ASGI middleware, and its counterpart for httpx.

`parley.gate.httpx_auth` needs the extra `client`, so it is not imported here.
"""

from parley.gate.config import GateConfig
from parley.gate.middleware import TicketGate

__all__ = ["GateConfig", "TicketGate"]
