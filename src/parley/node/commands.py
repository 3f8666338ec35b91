"""All commands of a node: what its owner, its peers and strangers, and its command line can ask."""

from __future__ import annotations

from parley.node.account_commands import ACCOUNT_COMMANDS
from parley.node.chain_commands import CHAIN_COMMANDS
from parley.node.foreign import FOREIGN_COMMANDS
from parley.node.gate_commands import GATE_COMMANDS
from parley.node.inbox import MAIL_COMMANDS
from parley.node.local import LOCAL_COMMANDS
from parley.node.lottery_commands import LOTTERY_COMMANDS
from parley.node.mail_commands import LOCAL_MAIL_COMMANDS
from parley.node.owner import OWNER_COMMANDS
from parley.node.peering import PEER_COMMANDS
from parley.node.stranger_commands import STRANGER_COMMANDS
from parley.node.subscriptions import SUBSCRIPTION_COMMANDS

__all__ = ["ALL_COMMANDS"]

ALL_COMMANDS = (
    *LOCAL_COMMANDS,
    *CHAIN_COMMANDS,
    *STRANGER_COMMANDS,
    *OWNER_COMMANDS,
    *PEER_COMMANDS,
    *FOREIGN_COMMANDS,
    *ACCOUNT_COMMANDS,
    *SUBSCRIPTION_COMMANDS,
    *LOCAL_MAIL_COMMANDS,
    *MAIL_COMMANDS,
    *LOTTERY_COMMANDS,
    *GATE_COMMANDS,
)
