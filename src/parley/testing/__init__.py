"""What tests need and users may need too: virtual time, networks in memory, node processes, a liar, conformance."""
