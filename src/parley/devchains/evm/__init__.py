"""An Ethereum-like chain in this process, with the contracts deployed, and the same chain as a JSON-RPC server."""
