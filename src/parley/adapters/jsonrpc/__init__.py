"""JSON-RPC 2.0 on bytes: calls, their parameters, and the documents of the pool; no input and no output of its own."""
