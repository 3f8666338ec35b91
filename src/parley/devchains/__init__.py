"""The embedded chains: the rules of each ledger in one process, for the demo, the tests and a user's first day."""
