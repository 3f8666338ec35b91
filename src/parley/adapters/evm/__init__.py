"""EVM chains from outside: a node behind JSON-RPC, a wallet, key files, the ticket broker and its events."""
