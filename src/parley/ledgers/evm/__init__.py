"""EVM chains: addresses, packing of words, signed messages, calls."""
