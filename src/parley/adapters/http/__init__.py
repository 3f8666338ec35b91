"""HTTP: the one server of a node, the client for peers, and the signatures of requests between them."""
